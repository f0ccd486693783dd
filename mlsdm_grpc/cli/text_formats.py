"""Reader of document formats in a child process, because a damaged file may hang or crash it.

Each request is a line of JSON on standard input. Each answer on standard output is a length in 8
bytes, followed by a text in UTF-8. A file that cannot be read ends the process; the last line on
standard error is the reason.
"""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile, is_zipfile

if TYPE_CHECKING:
    from docutils import nodes

__all__ = ["FORMATS", "LIBRARIES", "MAX_TEXT_BYTES", "decoded", "html_text", "read_document"]

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".md": "markdown",
        ".markdown": "markdown",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".rst": "rst",
        ".pdf": "pdf",
        ".docx": "docx",
    }
)
"""Format by extension; files with another extension are plain text."""
LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "markdown": ("markdown_it", "lxml"),
        "html": ("lxml",),
        "rst": ("docutils", "lxml"),
        "pdf": ("pypdfium2",),
        "docx": ("docx",),
    }
)
"""Modules needed to read each format; the extra ``ingest`` installs all of them."""

MAX_TEXT_BYTES: Final = 256 << 20
"""Limit on the UTF-8 text of a document and on the unpacked size of a DOCX file, bytes."""

_MAX_MEMORY_BYTES: Final = 4 << 30
# Maximum time for one request, seconds. It also ends a reader whose parent command was killed.
_MAX_REQUEST_S: Final = 60
_BINARY_SAMPLE: Final = 8_192
_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FRONT_MATTER: Final = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_SPACES: Final = re.compile(r"[ \t\r\f\v]*\n[ \t\r\f\v]*")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_SILENT: Final = frozenset({"script", "style", "head", "template", "noscript", "svg", "nav"})
_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tr",
        "ul",
    ]
)
_LINES: Final = frozenset({"li", "tr"})
_CELLS: Final = frozenset({"td", "th"})


def decoded(content: bytes, encoding: str) -> str:
    """Return the text of a file.

    Args:
        content: Bytes of the file; a byte order mark overrides ``encoding``.
        encoding: Encoding of files without a byte order mark.

    Raises:
        ValueError: The bytes are not text in the encoding.
    """
    marked = (name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark))
    chosen = next(marked, "utf-8-sig" if encoding == "utf-8" else encoding)
    if b"\0" in content[:_BINARY_SAMPLE] and not chosen.startswith(("utf-16", "utf-32")):
        raise ValueError("is binary, not text")
    try:
        return content.decode(chosen)
    except UnicodeError:
        name = chosen.removesuffix("-sig").upper()
        raise ValueError(f"is not {name} text; set the encoding with --encoding") from None


def read_document(path: Path, kind: str, encoding: str) -> str:
    """Return the text of a document; raises exceptions of any class for a damaged document.

    Args:
        path: The file.
        kind: One of the values of :data:`FORMATS`.
        encoding: Encoding of Markdown and reStructuredText without a byte order mark.
    """
    return _READERS[kind](path, encoding)


def _markdown(path: Path, encoding: str) -> str:
    from markdown_it import MarkdownIt

    text = decoded(path.read_bytes(), encoding)
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    return html_text(MarkdownIt("commonmark").enable("table").render(text).encode())


def _html(path: Path, encoding: str) -> str:
    content = path.read_bytes()
    # Most pages declare their encoding; text that is valid in the given encoding needs none.
    try:
        content = decoded(content, encoding).encode()
    except ValueError:
        return html_text(content, "")
    return html_text(content)


def html_text(content: bytes, encoding: str = "utf-8") -> str:
    """Return the text of an HTML page, with a blank line between blocks.

    Args:
        content: The page.
        encoding: Encoding of the page; an empty string uses the encoding that the page declares.
    """
    from lxml import etree, html

    parser = html.HTMLParser(encoding=encoding or None, huge_tree=True)
    if not content.strip():
        return ""
    try:
        tree = html.document_fromstring(content, parser=parser)
    except etree.ParserError:
        return ""
    joined = _SPACES.sub("\n", "".join(_pieces(tree)).replace("\xa0", " "))
    return _BLANK_LINES.sub("\n\n", joined).strip()


def _pieces(tree: Any) -> Iterator[str]:
    """Yield the pieces of text of an element tree, without recursion."""
    from lxml import etree

    preformatted = silent = 0
    for event, element in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        name = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            silent += name in _SILENT
            preformatted += name == "pre"
            if name in _BLOCKS:
                yield "\n" if name in _LINES else "\n\n"
            elif name == "br":
                yield "\n"
            text = element.text
        else:
            if event == "end":
                silent -= name in _SILENT
                preformatted -= name == "pre"
                if name in _BLOCKS - _LINES:
                    yield "\n\n"
                elif name in _CELLS:
                    yield "  "
            text = element.tail
        if text and not silent:
            yield text if preformatted else re.sub(r"\s+", " ", text)


@cache
def _keep_unknown_directives() -> None:
    """Let docutils accept unknown directives; the change applies to the whole process."""
    from docutils.parsers.rst import Directive, directives

    class Body(Directive):  # type: ignore[misc] # has no type information
        """Directive of another tool, such as Sphinx; its content becomes text of the document."""

        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True
        option_spec = None

        def run(self) -> "list[nodes.Node]":
            from docutils import nodes

            container = nodes.container()
            for argument in self.arguments:
                container += nodes.paragraph(argument, argument)
            self.state.nested_parse(self.content, self.content_offset, container)
            return [container]

    known = directives.directive

    def find(name: str, *rest: Any) -> Any:
        found, messages = known(name, *rest)
        return (found, messages) if found else (Body, [])

    directives.directive = find


def _rst(path: Path, encoding: str) -> str:
    from docutils.core import publish_parts

    _keep_unknown_directives()
    parts = publish_parts(
        decoded(path.read_bytes(), encoding),
        source_path=str(path),
        writer="html5",
        settings_overrides={
            "_disable_config": True,
            "file_insertion_enabled": False,
            "raw_enabled": False,
            "embed_stylesheet": False,
            "report_level": 5,
            "halt_level": 5,
            "doctitle_xform": False,
            "line_length_limit": 1_000_000,
        },
    )
    return html_text(parts["html_body"].encode())


def _pdf(path: Path, encoding: str) -> str:
    del encoding
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "\n\n".join(pages).replace("\r\n", "\n")


def _docx(path: Path, encoding: str) -> str:
    del encoding
    if is_zipfile(path):
        with ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > MAX_TEXT_BYTES:
            raise ValueError(f"exceeds {MAX_TEXT_BYTES >> 20} MiB when unpacked")
    import docx
    from docx.table import Table

    blocks = []
    for block in docx.Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            rows = ("  ".join(cell.text for cell in row.cells) for row in block.rows)
            blocks.append("\n".join(rows))
        else:
            blocks.append(block.text)
    return "\n\n".join(filter(None, blocks))


_READERS: Final[Mapping[str, Callable[[Path, str], str]]] = MappingProxyType(
    {"markdown": _markdown, "html": _html, "rst": _rst, "pdf": _pdf, "docx": _docx}
)


def main() -> None:
    """Answer requests until the end of standard input."""
    # Import here: the module does not exist on every system, and the command imports this file too.
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = _MAX_MEMORY_BYTES if most == resource.RLIM_INFINITY else min(_MAX_MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))
    answers = sys.stdout.buffer
    # Output that a library prints must not mix with the answers.
    sys.stdout = sys.stderr
    for line in sys.stdin.buffer:
        signal.alarm(_MAX_REQUEST_S)
        path, kind, encoding = json.loads(line)
        text = read_document(Path(path), kind, encoding).encode("utf-8", "replace")
        if len(text) > MAX_TEXT_BYTES:
            raise ValueError(f"its text exceeds {MAX_TEXT_BYTES >> 20} MiB")
        answers.write(len(text).to_bytes(8, "big") + text)
        answers.flush()
        signal.alarm(0)


if __name__ == "__main__":
    main()
