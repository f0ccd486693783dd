"""Generate the Python stubs in ``mlsdm_grpc/_gen`` from the protos in this folder.

    python proto/generate.py              write the stubs, remove what no proto asks for
    python proto/generate.py --check      write nothing; exit 1 and list what differs
    python proto/generate.py --baseline   write proto/baseline.binpb for ``buf breaking``

protoc roots imports at the folder of the protos; the stubs live below ``mlsdm_grpc._gen``, so
every import of the generated code, and the module name that it gives to its message classes, is
rewritten. The output depends only on the protos and the pinned versions of grpcio-tools and
mypy-protobuf.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROTO_ROOT = Path(__file__).resolve().parent
REPOSITORY = PROTO_ROOT.parent
OUTPUT = REPOSITORY / "mlsdm_grpc" / "_gen"
BASELINE = PROTO_ROOT / "baseline.binpb"
PUBLIC_PACKAGE = PROTO_ROOT / "mlsdm" / "v1"

GENERATED_ROOT = "mlsdm_grpc._gen"
PACKAGE_DOCSTRING = '"""Generated code, written by ``proto/generate.py``; never edited."""\n'

FROM_IMPORT = re.compile(
    r"^(?P<before>\s*from )(?P<module>mlsdm(?:\.\w+)*)(?= import )", re.MULTILINE
)
"""``from mlsdm.v1 import memory_pb2``"""
PLAIN_IMPORT = re.compile(r"^(?P<before>\s*import )(?P<module>mlsdm(?:\.\w+)+)", re.MULTILINE)
"""``import mlsdm.v1.memory_pb2``"""
IMPORT_MODULE = re.compile(r"(?P<before>import_module\(['\"])(?P<module>mlsdm(?:\.\w+)+)")
"""``importlib.import_module('mlsdm.v1.memory_pb2')``, written for names that are keywords"""
BUILDER_MODULE = re.compile(
    r"(?P<before>_builder\.BuildTopDescriptorsAndMessages\(DESCRIPTOR, ')"
    r"(?P<module>mlsdm(?:\.\w+)+)(?=', _globals\))"
)
"""``_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'mlsdm.v1.memory_pb2', _globals)``"""
ROOTED_NAMES = (FROM_IMPORT, PLAIN_IMPORT, IMPORT_MODULE, BUILDER_MODULE)


class GenerationError(Exception):
    """A tool is missing or failed; the message says which."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; the result is the exit status of the process."""
    parser = argparse.ArgumentParser(description="Generate the Python stubs of the protos.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare only; exit 1 on differences")
    choice.add_argument("--baseline", action="store_true", help="write proto/baseline.binpb")
    options = parser.parse_args(arguments)
    try:
        if options.baseline:
            write_baseline()
            return 0
        wanted = generate()
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 2
    if options.check:
        return report(differences(wanted, present()))
    write(wanted)
    return 0


def generate() -> dict[Path, bytes]:
    """Return every file that belongs below ``_gen``, by its path relative to it."""
    protos = sorted(PROTO_ROOT.glob("mlsdm/**/*.proto"))
    services = [proto for proto in protos if proto.name.endswith("_service.proto")]
    with tempfile.TemporaryDirectory(prefix="mlsdm-gen-") as folder:
        protoc(protos, f"--python_out={folder}", f"--mypy_out=quiet:{folder}")
        protoc(
            services, f"--grpc_python_out={folder}", f"--mypy_grpc_out=quiet,only_async:{folder}"
        )
        files = {
            path.relative_to(folder): repaired(path.read_text(encoding="utf-8")).encode()
            for path in source_files(Path(folder))
        }
    packages = {parent for path in files for parent in path.parents}
    return files | {package / "__init__.py": PACKAGE_DOCSTRING.encode() for package in packages}


def protoc(protos: Sequence[Path], *outputs: str) -> None:
    """Run the protoc of grpcio-tools, which knows the google protos, over ``protos``."""
    plugins = [
        f"--plugin={name}={tool(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
    ]
    names = [proto.relative_to(PROTO_ROOT).as_posix() for proto in protos]
    run(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO_ROOT}", *plugins, *outputs, *names)


def repaired(source: str) -> str:
    """Return generated code with ``mlsdm.`` modules rooted at ``mlsdm_grpc._gen``."""
    for pattern in ROOTED_NAMES:
        source = pattern.sub(rf"\g<before>{GENERATED_ROOT}.\g<module>", source)
    return source


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files below ``folder`` that are not caches of the interpreter."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def present() -> dict[Path, bytes]:
    """Return the files that are below ``_gen`` now, by their paths relative to it."""
    return {path.relative_to(OUTPUT): path.read_bytes() for path in source_files(OUTPUT)}


def differences(wanted: Mapping[Path, bytes], found: Mapping[Path, bytes]) -> list[str]:
    """Return one line for each file that is missing, stale or changed, sorted by path."""
    kinds = dict.fromkeys(wanted.keys() - found.keys(), "missing")
    kinds |= dict.fromkeys(found.keys() - wanted.keys(), "stale")
    kinds |= {
        path: "changed" for path in wanted.keys() & found.keys() if wanted[path] != found[path]
    }
    return [f"{kinds[path]}: {(OUTPUT / path).relative_to(REPOSITORY)}" for path in sorted(kinds)]


def report(lines: Sequence[str]) -> int:
    """Print the differences; 1 if there are any."""
    for line in lines:
        print(line)
    if lines:
        print("Run: python proto/generate.py", file=sys.stderr)
    return 1 if lines else 0


def write(wanted: Mapping[Path, bytes]) -> None:
    """Make ``_gen`` hold exactly ``wanted``; files that are right already are not touched."""
    found = present()
    for stale in found.keys() - wanted.keys():
        (OUTPUT / stale).unlink()
    for path, content in wanted.items():
        if found.get(path) != content:
            target = OUTPUT / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for folder in sorted((path for path in OUTPUT.rglob("*") if path.is_dir()), reverse=True):
        holds_sources = any(source_files(folder))
        if not holds_sources and folder.name != "__pycache__":
            shutil.rmtree(folder)


def write_baseline() -> None:
    """Write the public package, without comments, as the image that ``buf breaking`` reads."""
    path = os.path.relpath(PUBLIC_PACKAGE, REPOSITORY)
    output = os.path.relpath(BASELINE, REPOSITORY)
    run(tool("buf"), "build", "--path", path, "--exclude-source-info", "-o", output)


def tool(name: str) -> str:
    """Return the path of a command, that of this interpreter's environment first.

    Raises:
        GenerationError: The command is not installed.
    """
    scripts = sysconfig.get_path("scripts")
    path = shutil.which(name, path=scripts) or shutil.which(name)
    if path is None:
        raise GenerationError(f"{name} is not installed: pip install -e '.[dev]'")
    return path


def run(*command: str) -> None:
    """Run a command in the root of the repository.

    Raises:
        GenerationError: The command failed; its own message has been printed.
    """
    status = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
    if status != 0:
        raise GenerationError(f"{Path(command[0]).name} failed with status {status}")


if __name__ == "__main__":
    sys.exit(main())
