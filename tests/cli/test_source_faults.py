"""Files of all kinds under ``mlsdm ingest``: odd folders, patterns, links, documents and names."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from mlsdm_grpc.cli import document_reader, source_files, text_formats
from mlsdm_grpc.cli.document_reader import DocumentReader
from mlsdm_grpc.cli.source_files import SourceFile, UnreadableFile, find_files
from mlsdm_grpc.errors import InvalidInput


def found(*arguments: str | Path, base: Path) -> tuple[list[str], dict[str, str]]:
    files, problems = [], {}
    for each in find_files(list(map(str, arguments)), base=base, extensions=(), gitignore=True):
        if isinstance(each, SourceFile):
            files.append(each.name)
        else:
            problems[each[0]] = each[1].reason
    return files, problems


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("x")
    closed = tmp_path / "closed"
    closed.mkdir()
    scan = os.scandir

    def refuse(path):
        if os.fspath(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(closed))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found(tmp_path, base=tmp_path) == (["a.txt"], {"closed": "Permission denied"})


def test_a_name_that_is_too_long_is_listed():
    name = "x" * 300
    assert found(name, base=Path.cwd())[1] == {name: "File name too long"}


@pytest.mark.parametrize("pattern", ["docs/**.md", "**x/*"])
def test_stars_within_a_name_are_no_pattern(pattern, tmp_path):
    with pytest.raises(InvalidInput, match=r"\*\* only as a whole name"):
        found(pattern, base=tmp_path)


def test_a_pattern_and_a_base_may_go_up(tmp_path, monkeypatch):
    for name in ("docs/a.md", "docs/.hidden.md", "here/b.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    (tmp_path / "here" / ".gitignore").write_text("*")
    monkeypatch.chdir(tmp_path / "here")
    assert found("../docs/*.md", base=Path("..")) == (["docs/a.md"], {})


def test_bad_lines_of_gitignore_are_left_out_and_only_files_are_read(tmp_path):
    (tmp_path / ".gitignore").write_bytes("\ufeff*.log\n!\n[z-a]\n\\\n*.tmp\n".encode())
    for name in ("a.log", "a.tmp", "a.txt"):
        (tmp_path / name).write_text("x")
    inner = tmp_path / "inner"
    inner.mkdir()
    os.mkfifo(inner / ".gitignore")
    (inner / "b.txt").write_text("x")
    assert found(tmp_path, base=tmp_path) == (["a.txt", "inner/b.txt"], {})


def test_a_link_out_of_the_folder_is_listed_and_not_followed(tmp_path):
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    (folder / "b.txt").symlink_to("a.txt")
    (folder / "c.txt").symlink_to(tmp_path / "secret")
    files, problems = found(folder, base=folder)
    assert files == ["a.txt", "b.txt"]
    assert problems == {"c.txt": "is a symbolic link to a file outside the folder"}
    assert found(folder / "c.txt", base=folder) == (["c.txt"], {}), "named by the caller"
    (folder / "up").symlink_to(tmp_path)
    assert found(folder / "*.txt", base=folder) == (files, problems)
    reason = "is a symbolic link to a file outside the folder"
    assert found(folder / "*" / "secret", base=folder) == ([], {"up/secret": reason})
    assert found(folder / "u*", base=folder) == ([], {"up": reason})


def test_standard_input_is_bounded(monkeypatch):
    source = SourceFile(Path("-"), "stdin", 0, is_named=True, is_stdin=True)
    monkeypatch.setattr(source_files, "MAX_FILE_BYTES", 3)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\0\1")))
    assert source.read_bytes() == b"\xff\0\1"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"four")))
    with pytest.raises(UnreadableFile, match="exceeds"):
        source.read_bytes()


@pytest.mark.anyio
async def test_the_current_folder_gives_no_code_to_the_reader(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('code of the folder')")
    page = tmp_path / "a.html"
    page.write_text("<p>Fine.</p>")
    monkeypatch.chdir(tmp_path)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    async with DocumentReader(encoding="utf-8") as reader:
        text = await reader.text(SourceFile(page, "a.html", 12, is_named=True), "html")
    assert text == "Fine."


def test_any_number_of_rst_files_is_read(tmp_path):
    from docutils.parsers.rst import directives

    file = tmp_path / "a.rst"
    file.write_text(".. unknown::\n\n   Its text.\n")
    assert text_formats.read_document(file, "rst", "utf-8") == "Its text."
    patched = directives.directive
    assert text_formats.read_document(file, "rst", "utf-8") == "Its text."
    assert directives.directive is patched


def test_a_docx_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "a.docx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", bytes(10_000))
    monkeypatch.setattr(text_formats, "MAX_TEXT_BYTES", 9_999)
    with pytest.raises(ValueError, match="when unpacked"):
        text_formats.read_document(file, "docx", "utf-8")


@pytest.mark.anyio
async def test_an_answer_of_the_reader_is_bounded(tmp_path, monkeypatch):
    page = tmp_path / "a.html"
    page.write_text("<p>Four</p>")
    file = SourceFile(page, "a.html", 11, is_named=True)
    async with DocumentReader(encoding="utf-8") as reader:
        monkeypatch.setattr(document_reader, "MAX_TEXT_BYTES", 3)
        with pytest.raises(UnreadableFile, match="its text exceeds"):
            await reader.text(file, "html")
        monkeypatch.setattr(document_reader, "MAX_TEXT_BYTES", 4)
        assert await reader.text(file, "html") == "Four"
