"""``mlsdm ingest``: which files, which text, which names, and a repeat after Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from pathlib import Path

import pytest
from forks import Forked

from mlsdm_grpc.cli.document_reader import DocumentReader, format_of
from mlsdm_grpc.cli.ingestion import file_label
from mlsdm_grpc.cli.progress_line import FileProgress, MemoryProgress, ProgressLine, byte_text
from mlsdm_grpc.cli.source_files import SourceFile, UnreadableFile, find_files, path_name
from mlsdm_grpc.cli.text_formats import decoded, html_text, read_document
from mlsdm_grpc.messages import forms
from tests.cli.conftest import environment

PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R
/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj
4 0 obj<</Length 57>>stream
BT /F1 12 Tf 20 100 Td (The ferry leaves at noon.) Tj ET
endstream endobj
trailer<</Root 1 0 R>>
"""


@pytest.fixture
def run(mlsdm, target):
    def run(*arguments, stdin=""):
        return mlsdm(*arguments, stdin=stdin, MLSDM_TARGET=target)

    return run


def write_docx(file: Path) -> None:
    import docx

    document = docx.Document()
    document.add_heading("Ferries", 1)
    document.add_paragraph("The last boat leaves at eight.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Monday", "closed"
    document.save(str(file))


def source(file: Path) -> SourceFile:
    return SourceFile(file, file.name, file.stat().st_size, is_named=True)


def found(*arguments, base, extensions=(), gitignore=True):
    files, problems = [], {}
    for each in find_files(
        [str(each) for each in arguments], base=base, extensions=extensions, gitignore=gitignore
    ):
        if isinstance(each, SourceFile):
            files.append(each.name)
        else:
            problems[each[0]] = each[1].reason
    return files, problems


def test_folders_patterns_and_extensions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.md", "b.txt", "sub/c.md", "sub/deep/d.rst", ".hidden/e.md", "sub/.f.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    every = ["a.md", "b.txt", "sub/c.md", "sub/deep/d.rst"]
    assert found(".", base=tmp_path) == (every, {})
    assert found(tmp_path, "a.md", base=tmp_path) == (every, {}), "each file once"
    assert found("sub", base=tmp_path, extensions={"md"}) == (["sub/c.md"], {})
    assert found("**/*.md", base=tmp_path) == (["a.md", "sub/c.md"], {})
    assert found("sub/.f.md", base=tmp_path) == (["sub/.f.md"], {}), "named by the caller"
    files, problems = found("none*", "/dev/null", base=tmp_path)
    assert (files, list(problems)) == ([], ["none*", "/dev/null"])
    assert problems["/dev/null"] == "is not a regular file"
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(256 * 1024 * 1024 + 1)
    assert found("big", base=tmp_path) == ([], {"big": "exceeds 256 MiB"})


def test_gitignore_of_a_folder_and_of_those_above_it(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n/top.md\n")
    inner = tmp_path / "docs"
    inner.mkdir()
    (inner / ".gitignore").write_text("!keep.log\nprivate.md\n")
    for name in ("a.md", "x.log", "keep.log", "private.md", "top.md", "build/b.md"):
        file = inner / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    assert found(inner, base=inner)[0] == ["a.md", "keep.log", "top.md"]
    assert len(found(inner, base=inner, gitignore=False)[0]) == 6
    assert found(inner / "private.md", base=inner)[0] == ["private.md"], "named by the caller"


def test_a_name_is_relative_to_the_base_or_absolute(tmp_path):
    assert path_name(tmp_path / "a" / ".." / "b.md", tmp_path) == "b.md"
    assert path_name(Path("/etc/hosts"), tmp_path) == "/etc/hosts"
    assert path_name(tmp_path / os.fsdecode(b"caf\xe9"), tmp_path) == "caf\\xe9"


def test_labels_of_files_are_valid_and_distinct():
    assert file_label("docs/a.md") == "file:docs/a.md"
    assert file_label("/etc/hosts") == "file:/etc/hosts"
    names = ["Договір.txt", "Рахунок.txt", "a/README.md", "b/README.md", "my notes.txt"]
    names += ["my_notes.txt", "x" * 70 + "1.md", "x" * 70 + "2.md", "1" + "x" * 70, "2" + "x" * 70]
    labels = [file_label(name) for name in names]
    assert len(set(labels)) == len(names)
    assert [each for each in labels if not forms.LABEL.fits(each)] == []
    assert file_label("my notes.txt").startswith("file:my_notes.txt-")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain", "plain"),
        ("\ufeffmarked".encode(), "marked"),
        ("ширше".encode("utf-16"), "ширше"),
        ("ширше".encode("utf-32"), "ширше"),
        (b"", ""),
    ],
)
def test_a_byte_order_mark_names_the_encoding(content, text):
    assert decoded(content, "utf-8") == text


def test_other_bytes_are_not_text():
    with pytest.raises(ValueError, match="is binary"):
        decoded(b"\x7fELF\0\1", "utf-8")
    with pytest.raises(ValueError, match="is not UTF-8 text; set the encoding"):
        decoded("é".encode("latin-1"), "utf-8")
    with pytest.raises(ValueError, match="is not UTF-16 text"):
        decoded(b"\xff\xfe\xfa", "utf-8")
    assert decoded("é".encode("latin-1"), "latin-1") == "é"


def test_the_text_of_a_page_has_its_blocks_apart_and_no_scripts():
    page = (
        "<html><head><title>T</title></head><body><nav>menu</nav><h1>Ferries</h1>"
        "<p>The <b>last</b> boat\n leaves at&nbsp;8.<!-- no --></p><script>x()</script>"
        "<ul><li>one</li><li>two</li></ul><pre>a\n  b</pre>"
        "<table><tr><td>Monday</td><td>closed</td></tr></table>tail</body></html>"
    )
    text = html_text(page.encode())
    assert text.split("\n\n") == [
        "Ferries",
        "The last boat leaves at 8.",
        "one\ntwo",
        "a\nb",
        "Monday  closed",
        "tail",
    ]
    assert html_text(b"") == ""


def test_documents_give_their_text(tmp_path):
    markdown = tmp_path / "a.md"
    markdown.write_text("---\ntitle: x\n---\n# Ferries\n\nThe *last* [boat](http://x) leaves.\n")
    assert read_document(markdown, "markdown", "utf-8") == "Ferries\n\nThe last boat leaves."
    rst = tmp_path / "a.rst"
    rst.write_text(
        "Ferries\n=======\n\n.. py:function:: leave(boat)\n\n   Leaves with :py:class:`Boat`.\n\n"
        ".. include:: /etc/hosts\n\n.. raw:: html\n\n   <p>no</p>\n"
    )
    text = read_document(rst, "rst", "utf-8")
    assert text.startswith("Ferries")
    assert "leave(boat)" in text
    assert "Leaves with" in text
    assert "localhost" not in text
    html = tmp_path / "a.html"
    html.write_bytes('<meta charset="latin-1"><p>Größe</p>'.encode("latin-1"))
    assert read_document(html, "html", "utf-8") == "Größe"
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(PDF)
    assert read_document(pdf, "pdf", "utf-8").strip() == "The ferry leaves at noon."
    word = tmp_path / "a.docx"
    write_docx(word)
    text = read_document(word, "docx", "utf-8")
    assert text == "Ferries\n\nThe last boat leaves at eight.\n\nMonday  closed"


@pytest.mark.anyio
async def test_a_damaged_or_slow_document_is_named_and_the_next_one_is_read(tmp_path):
    good, bad, word = tmp_path / "good.pdf", tmp_path / "bad.pdf", tmp_path / "bad.docx"
    good.write_bytes(PDF)
    bad.write_bytes(b"%PDF-1.7 nothing")
    word.write_bytes(b"PK\3\4 nothing")
    async with DocumentReader(encoding="utf-8") as reader:
        for file in (bad, word):
            with pytest.raises(UnreadableFile) as caught:
                await reader.text(source(file), format_of(source(file)))
            assert "Error" in caught.value.reason
            assert "\n" not in caught.value.reason
            text = await reader.text(source(good), "pdf")
            assert text.strip() == "The ferry leaves at noon."
    async with DocumentReader(encoding="utf-8", timeout_s=0.01) as reader:
        with pytest.raises(UnreadableFile, match=r"could not be read within 0\.01 s"):
            await reader.text(source(good), "pdf")


def test_progress_has_rate_and_time_left_over_the_whole_run():
    now_s = 0.0
    stream = io.StringIO()
    files = FileProgress(4, 4 * 1024 * 1024)
    progress = ProgressLine(files.describe, stream=stream, clock=lambda: now_s)
    silent = ProgressLine(files.describe, is_shown=False, stream=stream, clock=lambda: now_s)
    now_s = 5.0
    files.passages_done += 1
    progress.update()
    assert stream.getvalue() == ""
    now_s = 10.0
    files.files_done, files.bytes_done = 1, 1024 * 1024
    for each in (silent, progress):
        each.update()
        each.clear()
    assert stream.getvalue() == "1/4 files, 1 passages (0/s), 1.0 MiB of 4.0 MiB, 30 s left\n"
    assert MemoryProgress(40, 10).describe(5.0) == "10/40 memories (2/s), 15 s left"
    assert MemoryProgress(40).describe(5.0) == "0/40 memories (0/s)"
    assert [byte_text(each) for each in (5, 2048, 3 << 30)] == ["5 B", "2.0 KiB", "3.0 GiB"]


def test_each_file_is_found_by_its_path(run, tmp_path):
    for name in ("a/README.md", "b/README.md", "Договір.txt", "Рахунок.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"This is {name}, and nothing else.", "utf-8")
    space = ("--space", "paths")
    stored = run("ingest", str(tmp_path), "--base", str(tmp_path), "-o", "json", *space)
    assert json.loads(stored.stdout)["results"] == {"CREATED": 4}, stored.stderr
    for name in ("a/README.md", "Договір.txt", "Рахунок.txt"):
        listed = run("list", "--metadata", f"path={name}", "-o", "json", *space)
        (memory,) = json.loads(listed.stdout)
        assert memory["text"] == f"This is {name}, and nothing else."
        assert memory["labels"] == [file_label(name)]
        assert memory["metadata"]["part"] == "1/1"


def test_a_repeat_skips_what_is_stored_and_prunes_if_asked(run, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("First the one. " * 10 + "\n\n" + "Then the other. " * 10, "utf-8")
    space = ("--space", "repeats", "--base", str(tmp_path))
    files = ("ingest", str(notes), "--passage-chars", "100", *space)
    first = json.loads(run(*files, "-o", "json").stdout)
    count = first["results"]["CREATED"]
    again = run(*files)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith("1 file (1 unchanged): nothing to store in ")
    labelled = json.loads(run(*files, "--label", "kind:note", "-o", "json").stdout)
    assert labelled["results"] == {"REFRESHED": count}
    notes.write_text("All new.", "utf-8")
    changed = run(*files)
    assert changed.stdout.startswith("1 file: 1 created in ")
    assert changed.stderr == (
        f"{count} passages of earlier versions of these files remain; --prune deletes them\n"
    )
    pruned = run(*files, "--prune")
    assert f"{count} passages of earlier versions deleted\n" in pruned.stdout
    left = json.loads(run("list", "--space", "repeats", "-o", "json").stdout)
    assert [each["text"] for each in left] == ["All new."]


def test_a_warning_precedes_the_first_eviction(run, tmp_path):
    run("spaces", "create", "tight", "capacity=2")
    notes = tmp_path / "notes.txt"
    notes.write_text("First the one. " * 20 + "\n\n" + "Then the other. " * 20, "utf-8")
    done = run("ingest", str(notes), "--passage-chars", "100", "--space", "tight")
    warning, evicted = done.stderr.splitlines()
    assert warning.startswith("warning: the space has room for 2 of 2 memories, and these files ")
    assert "older memories were evicted" in evicted
    roomy = run("ingest", str(notes), "--space", "roomy")
    assert roomy.stderr == ""


@pytest.mark.timeout(120)
def test_ctrl_c_reports_what_is_stored_and_a_repeat_completes_it(run, target, tmp_path):
    count = 150
    for number in range(count):
        (tmp_path / f"{number}.txt").write_text(
            "\n\n".join(f"Paragraph {part} of file {number}. " * 5 for part in range(12)), "utf-8"
        )
    arguments = ("ingest", str(tmp_path), "--base", str(tmp_path), "--space", "stopped")
    env = environment(MLSDM_TARGET=target)
    process = Forked(*arguments, "--passage-chars", "200", env=env)
    deadline_s = time.monotonic() + 60
    used = 0
    while not used and time.monotonic() < deadline_s:
        state = run("state", "--json", "--space", "stopped")
        used = 0 if state.returncode else json.loads(state.stdout)["memory"].get("used", 0)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "created" in out
    assert "stopped; to continue, run the command again" in errors
    assert "Traceback" not in errors
    done = run(*arguments, "--passage-chars", "200")
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout
    exported = run("export", "--space", "stopped").stdout.splitlines()
    keys = [
        (each["metadata"]["path"], each["metadata"]["part"]) for each in map(json.loads, exported)
    ]
    assert len(keys) == len(set(keys))
    assert len({path for path, _ in keys}) == count
