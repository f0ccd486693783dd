"""Entry point of the command ``mlsdm`` and of ``python -m mlsdm_grpc``."""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command.

    A plain health check does not import the server, so that container probes stay cheap.
    """
    if sys.argv[1:2] == ["health"]:
        from mlsdm_grpc.cli.context_file import has_contexts
        from mlsdm_grpc.cli.probe import answer, probe

        target = os.environ.get("MLSDM_TARGET") or ("" if has_contexts() else "127.0.0.1:50051")
        status = probe(sys.argv[2:], target)
        if status is not None:
            sys.exit(answer(status))
    from mlsdm_grpc.cli.app import main as full

    full()


if __name__ == "__main__":
    main()
