"""Fetches the packages of ``sources.toml`` and writes their paragraphs into the cache.

Run as ``python -m tools.realtext.collect``. It uses the package managers of this machine. A third
of the paragraphs, chosen by hash, goes to ``final.jsonl.gz``: no rule is made from it. The file
``packages.json`` in this folder lists the packages, with versions and hashes.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

from tools.realtext.extract import language_of, paragraphs

__all__ = ["CACHE", "Paragraph", "Split", "is_final", "read"]

HERE: Final = Path(__file__).parent
CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlsdm-grpc" / "realtext"
)
LISTED: Final = HERE / "packages.json"
PER_LANGUAGE: Final = 50_000
SHARE: Final = 5
"""Largest share of a language that one package may provide."""

PROSE: Final = 60_000
"""Paragraphs beyond the share of their package, which are used for nothing."""

SHORT: Final = 12_000
"""Headings, messages and short sentences of each language, used neither to train nor to measure."""
PARAGRAPH: Final = 30
"""Characters from which a text is a paragraph."""

Split = Literal["working", "final", "prose", "short"]


class Paragraph(NamedTuple):
    """One paragraph and where it comes from."""

    language: str
    package: str
    text: str


def is_final(text: str) -> bool:
    """Return whether a text belongs to the third that is reserved for the final measurement."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 3 == 0


def read(split: Split) -> Iterator[Paragraph]:
    """Yield the paragraphs of a split, in the order of their hashes."""
    with gzip.open(CACHE / f"{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Paragraph(*json.loads(line))


def fetch() -> list[Path]:
    """Return the archives of all packages; those not in the cache are fetched."""
    sources = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))
    packages = CACHE / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    known = {each.name.partition("_")[0] for each in packages.glob("*.deb")}
    wanted = [each for each in sources["debian"]["packages"] if each not in known]
    if wanted:
        _run("apt-get", "download", *wanted, folder=packages)
    names = {_plain(each.name) for each in packages.iterdir()}
    for name in sources["python"]["packages"]:
        if not any(each.startswith(_plain(name) + "-") for each in names):
            _run(sys.executable, "-m", "pip", "download", "--no-deps", name, folder=packages)
    for kind in ("hostile", "harmless"):
        folder = CACHE / kind
        folder.mkdir(exist_ok=True)
        for name in sources[kind]["python"]:
            if not any(folder.glob(f"{name.replace('-', '_')}-*")):
                _run(sys.executable, "-m", "pip", "download", "--no-deps", name, folder=folder)
    for name in sources["node"]["packages"]:
        if not any(each.startswith(_plain(name) + "-") for each in names):
            _run("npm", "pack", "--silent", name, folder=packages)
    return sorted(each for each in packages.iterdir() if each.is_file())


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace("/", "-").lstrip("@")


def _run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as members:
            for name in members.namelist():
                yield name, members.read(name)
    elif archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", archive]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            if process.stdout is not None:
                yield from _members(process.stdout, "r|")
    else:
        with archive.open("rb") as file:
            yield from _members(file, "r|gz")


def _members(file: IO[bytes], mode: Literal["r|", "r|gz"]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode=mode) as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content.read()


def _package(archive: Path) -> str:
    return archive.name.partition("_")[0] if archive.suffix == ".deb" else archive.stem


def texts_of(archive: Path) -> list[Paragraph]:
    """Return the paragraphs of a package, each once."""
    package = _package(archive)
    found = dict[str, Paragraph]()
    for path, data in _files(archive):
        language = language_of(path, package)
        if language is not None:
            with contextlib.suppress(UnicodeError, ValueError):
                for text in paragraphs(path, data):
                    found.setdefault(text, Paragraph(language, package, text))
    return list(found.values())


def chosen(found: Iterator[list[Paragraph]]) -> tuple[list[Paragraph], ...]:
    """Return at most ``PER_LANGUAGE`` a language, each text once, by the order of hashes.

    Returns:
        These, what is left of prose, and short texts; the latter two without what belongs to the
        final third.
    """
    prose = tuple(tomllib.loads((HERE / "sources.toml").read_text("utf-8"))["prose"])
    by_hash = dict[bytes, Paragraph]()
    for rows in found:
        for row in rows:
            by_hash.setdefault(hashlib.sha256(row.text.encode()).digest(), row)
    kept, left, short = list[Paragraph](), list[Paragraph](), list[Paragraph]()
    shorts = defaultdict[str, int](int)
    of_language, of_package = defaultdict[str, int](int), defaultdict[tuple[str, str], int](int)
    for _, row in sorted(by_hash.items()):
        key = row.language, row.package
        if len(row.text) < PARAGRAPH:
            if shorts[row.language] < SHORT and not is_final(row.text):
                shorts[row.language] += 1
                short.append(row)
        elif of_language[row.language] < PER_LANGUAGE and of_package[key] < PER_LANGUAGE // SHARE:
            of_language[row.language] += 1
            of_package[key] += 1
            kept.append(row)
        elif row.package.startswith(prose) and not is_final(row.text) and len(left) < PROSE:
            left.append(row)
    return kept, left, short


def _write(split: Split, rows: Iterable[Paragraph]) -> None:
    with gzip.open(CACHE / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    archives = fetch()
    with ProcessPoolExecutor(2) as pool:
        kept, left, short = chosen(pool.map(texts_of, archives))
    _write("working", (row for row in kept if not is_final(row.text)))
    _write("final", (row for row in kept if is_final(row.text)))
    _write("prose", left)
    _write("short", short)
    counts = defaultdict[str, dict[str, int]](dict)
    for row in kept:
        counts[row.package][row.language] = counts[row.package].get(row.language, 0) + 1
    listed = [
        {
            "archive": archive.name,
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "paragraphs": dict(sorted(counts[_package(archive)].items())),
        }
        for archive in archives
        if counts[_package(archive)]
    ]
    body = ",\n".join(json.dumps(each, ensure_ascii=False) for each in listed)
    LISTED.write_text(f"[\n{body}\n]\n", "utf-8")
    totals = defaultdict[str, int](int)
    for row in kept:
        totals[row.language] += 1
    print(dict(totals), len(kept))


if __name__ == "__main__":
    main()
