"""``python -m mlsdm_grpc`` is the command ``mlsdm``."""

from mlsdm_grpc.cli.app import main

if __name__ == "__main__":
    main()
