"""A documentation tree of packages, ingested by one command that is interrupted twice.

`make slow` uses the source archives of packages, with all their files; the fast test uses the text
files of installed packages.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import defaultdict
from pathlib import Path

import pytest

from mlsdm_grpc.testing import LocalServer
from tests.cli.conftest import ROOT, environment, run_mlsdm
from tests.cli.test_ingest import PDF

# Texts in many encodings, HTML, reStructuredText, DOCX, PDF, and files of tests that are damaged.
ARCHIVES = ("charset-normalizer", "python-docx", "sphinx")
SPACE = "documentation"
ODD = {
    "utf16.txt": "The ferry leaves at noon.".encode("utf-16"),
    "bom.txt": b"\xef\xbb\xbfThe ferry has a mark.",
    "latin.txt": "Die Fähre fährt um zwölf.".encode("latin-1"),
    "cyrillic.txt": "Пором відходить опівдні.".encode("cp1251"),
    "nul.txt": b"The ferry\x00 leaves.",
    "ferry.pdf": PDF,
    "broken.pdf": b"%PDF-1.7 nothing",
    "broken.docx": b"PK\x03\x04 nothing",
    "empty.md": b"",
    "blank.txt": b" \n\t\n",
    "Договір №5 (copy).txt": "Договір набирає чинності з дня підписання.".encode(),
}


@pytest.fixture
def archives(tmp_path):
    """Files of source archives that the package manager fetches."""
    if os.environ.get("PIP_NO_INDEX"):
        pytest.skip("packages cannot be fetched")
    fetch = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--no-binary", ":all:", "--dest", str(tmp_path / "archives"), *ARCHIVES),
    ]
    subprocess.run(fetch, check=True, timeout=600)
    tree = tmp_path / "tree"
    for archive in sorted((tmp_path / "archives").iterdir()):
        with tarfile.open(archive) as opened:
            opened.extractall(tree, filter="data")
    return tree


@pytest.fixture
def installed(tmp_path):
    """Text files of installed packages."""
    names = sorted(
        Path(str(file.locate()))
        for each in importlib.metadata.distributions()
        for file in each.files or ()
        if file.suffix in {".md", ".rst", ".txt", ".html"} or file.name == "METADATA"
    )
    small = [each for each in names if each.is_file() and 0 < each.stat().st_size < 30_000]
    tree = tmp_path / "tree"
    for number, file in enumerate(random.Random(0).sample(small, min(190, len(small)))):
        folder = tree / f"{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / f"{number}-{file.name}")
    return tree


def ingest(tree, target, *, stop_after=None, stored=None):
    """Run the command; with ``stop_after`` interrupt it once it has stored that many memories."""
    command = [
        *(sys.executable, "-m", "mlsdm_grpc", "ingest", str(tree), "--base", str(tree)),
        *("--space", SPACE, "--no-gitignore", "-o", "json"),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(MLSDM_TARGET=target),
    )
    before = stored() if stored else 0
    while stop_after is not None and process.poll() is None:
        if stored() >= before + stop_after:
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.05)  # noqa: TID251 - another process stores
    output, errors = process.communicate(timeout=3_000)
    assert output, errors
    assert "Traceback" not in errors, errors
    return process.returncode, json.loads(output)


def check(tree, tmp_path, figures):
    """Ingest a tree with two interrupts and a repeat; check that nothing is lost or doubled."""
    odd = tree / "odd"
    odd.mkdir(parents=True)
    for name, content in ODD.items():
        (odd / name).write_bytes(content)
    files = {
        str(Path(folder, name).relative_to(tree))
        for folder, inner, names in os.walk(tree)
        for name in names
        if not name.startswith(".") and not Path(folder, name).is_symlink()
        if not any(part.startswith(".") for part in Path(folder).relative_to(tree).parts)
        if inner is not None
    }
    with LocalServer(tmp_path / "data") as server, server.sync_client(space=SPACE) as memory:
        made = run_mlsdm("spaces", "create", SPACE, "capacity=400000", MLSDM_TARGET=server.target)
        assert made.returncode == 0, made.stderr

        def stored():
            return memory.state().memory_count

        began_s = time.monotonic()
        for _ in range(2):
            code, report = ingest(tree, server.target, stop_after=len(files) // 10, stored=stored)
            assert (code, report["interrupted"]) == (130, True), report
        _, report = ingest(tree, server.target)
        took_s = time.monotonic() - began_s
        assert not report["interrupted"]
        assert report["unchanged"] > 0
        count = stored()
        code, repeated = ingest(tree, server.target)
        assert (stored(), repeated["results"]) == (count, {})

        skipped = {each["path"]: each["reason"] for each in repeated["skipped"]}
        assert all(skipped.values())
        parts = defaultdict(list)
        texts = {}
        for each in memory.export():
            parts[each.metadata["path"]].append(each.metadata["part"])
            texts.setdefault(each.metadata["path"], each.text)
        for path, found in parts.items():
            total = len(found)
            assert sorted(found) == sorted(f"{part + 1}/{total}" for part in range(total)), path
        assert not parts.keys() & skipped.keys()
        # The others have no text.
        assert parts.keys() | skipped.keys() <= files
        assert len(files - parts.keys() - skipped.keys()) == repeated["empty"]
        assert {
            "odd/ferry.pdf",
            "odd/utf16.txt",
            "odd/bom.txt",
            "odd/Договір №5 (copy).txt",
        } <= parts.keys()
        assert {"odd/broken.pdf", "odd/broken.docx", "odd/nul.txt"} <= skipped.keys()
        for path, text in texts.items():
            found = memory.query(text[:200], metadata={"path": path}, top_k=1)
            assert [each.metadata["path"] for each in found] == [path]
        figures |= {
            "files": len(files),
            "stored": len(parts),
            "skipped": len(skipped),
            "empty": repeated["empty"],
            "passages": count,
            "seconds": round(took_s),
        }


@pytest.mark.slow
@pytest.mark.timeout(3_400)
def test_a_documentation_tree_is_stored_once(archives, tmp_path, evidence):
    check(archives, tmp_path, evidence)
    assert evidence["files"] >= 2_000
    assert evidence["stored"] > evidence["files"] / 3


@pytest.mark.timeout(120)
def test_200_files_are_stored_once(installed, tmp_path):
    figures = {}
    check(installed, tmp_path, figures)
    assert figures["files"] == 200 + len(ODD) - 10
