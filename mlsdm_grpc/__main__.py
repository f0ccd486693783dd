"""``python -m mlsdm_grpc`` is the command ``mlsdm``."""

from mlsdm_grpc.cli.main import main

if __name__ == "__main__":
    main()
