"""Paragraphs from the files of packages: manual pages, HTML, XML, catalogs, plain text."""

from __future__ import annotations

import bz2
import gzip
import html
import json
import lzma
import re
import struct
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Final

__all__ = ["language_of", "paragraphs"]

LANGUAGES: Final = ("de", "en", "es", "fr", "uk")
SHORTEST: Final = 4
LONGEST: Final = 4_000
"""Characters of a text that is kept."""
_LONGEST_FILE: Final = 40_000_000
_CODES: Final = frozenset(
    """
    af ar ast be bg bn br bs ca cs cy da el eo et eu fa fi ga gl gu he hi hr hu ia id is it ja ka
    kk km kn ko lt lv mk ml mr ms nb nds nl nn oc pa pl pt ro ru se sk sl sq sr sv ta te tg th tr
    ug uz vi wa zh
    """.split()  # noqa: SIM905 - a table
)
_NAMES: Final = {
    "english": "en",
    "german": "de",
    "spanish": "es",
    "french": "fr",
    "ukrainian": "uk",
    "ua_gec": "uk",
}
_LOCALE: Final = re.compile(r"(?P<code>[a-z]{2,3})(?:[-_@.][A-Za-z]{2,8}(?:\.[\w-]+)?)?")
_SUFFIXED: Final = re.compile(r"[._-](?P<code>[a-z]{2,3})(?:[-_][A-Za-z]{2})?(?:\.[a-z.]{2,9})?$")
_BLANK_LINE: Final = re.compile(r"\n\s*\n")
_BLOCKS: Final = frozenset(
    """
    p li td th dd dt h1 h2 h3 h4 h5 h6 div pre blockquote tr ul ol dl table section article body
    para simpara title term listitem screen programlisting entry note tip paragraph item desc
    steps caption cmd head info
    """.split()  # noqa: SIM905 - a table
)
_HIDDEN: Final = frozenset({"script", "style", "head", "nav", "svg", "math"})


def language_of(path: str, package: str) -> str | None:
    """Return the language of a file by its path, then its package; None if it is not supported."""
    parts = PurePosixPath(path).parts
    named = next((_NAMES[part] for part in parts if part in _NAMES), None)
    if named or "chatterbot" in path:
        return named
    for part in reversed(parts[:-1]):
        match = _LOCALE.fullmatch(part)
        if match and match["code"] in LANGUAGES:
            return match["code"]
        if match and match["code"] in _CODES:
            return None
    for name in (parts[-1], package):
        match = _SUFFIXED.search(name)
        if match and match["code"] in LANGUAGES:
            return match["code"]
        if match and match["code"] in _CODES:
            return None
    return "en"


def paragraphs(path: str, data: bytes) -> Iterator[str]:
    """Yield the paragraphs of a file; none if it is of a kind without text."""
    name = path.rpartition("/")[2]
    for suffix, expand in (
        (".gz", gzip.decompress),
        (".dz", gzip.decompress),
        (".bz2", bz2.decompress),
        (".xz", lzma.decompress),
    ):
        if name.endswith(suffix):
            try:
                data = expand(data)
            except (OSError, EOFError, lzma.LZMAError):
                return
            name = name.removesuffix(suffix)
    reader = _reader_of(path, name)
    if reader is None or len(data) > _LONGEST_FILE:
        return
    for text in reader(data):
        kept = re.sub(r"[ \t]+", " ", text).strip()
        if SHORTEST <= len(kept) <= LONGEST and sum(map(str.isalpha, kept)) > len(kept) / 2:
            yield kept


def _reader_of(path: str, name: str) -> Callable[[bytes], Iterator[str]] | None:
    suffix = name.rpartition(".")[2].lower()
    if "ua_gec" in path and "/gec-only/train/target/" not in path:
        return None
    if "/data/easy-ham" in path or "/data/hard-ham" in path:
        return _mail
    if "/builds/doc-" in path:
        return _sentences
    if re.search(r"package/c[a-r]\d\d$", path):
        return _tagged
    if "/man/" in path and re.search(r"\.[1-9]\w{0,8}$", name):
        return _manual
    if suffix in {"html", "htm", "xhtml", "page", "xml", "docbook", "cache", "aiml"}:
        return _markup
    if suffix == "mo":
        return _catalog
    if re.search("/games/fortunes?/", path) and suffix not in {"dat", "u8"}:
        return _fortunes
    if suffix in {"py", "c", "h", "js", "ts", "go", "rs"}:
        return _comments
    if suffix in {"yml", "yaml"} and "corpus" in path:
        return _dialogues
    if suffix in {"txt", "rst", "md", "texi", "dict", "text", "adoc"} or name.isupper():
        return _plain
    if name.lower() in {"changelog", "news", "readme", "faq", "todo", "changelog.debian"}:
        return _plain
    return None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _plain(data: bytes) -> Iterator[str]:
    yield from _BLANK_LINE.split(_decoded(data))


def _fortunes(data: bytes) -> Iterator[str]:
    yield from re.split(r"(?m)^%\s*$", _decoded(data))


def _dialogues(data: bytes) -> Iterator[str]:
    for line in _decoded(data).splitlines():
        yield line.strip().lstrip("- ").strip("\"'")


def _mail(data: bytes) -> Iterator[str]:
    text = json.loads(_decoded(data))["text"].partition("\n\n")[2]
    yield from _BLANK_LINE.split(text)


def _sentences(data: bytes) -> Iterator[str]:
    yield from json.loads(_decoded(data))


def _tagged(data: bytes) -> Iterator[str]:
    text = re.sub(r"/[\w$*+.,:()'`\-]+(?=\s)", "", _decoded(data))
    text = re.sub(r"(?:``|'') ?", '"', text)
    yield from _BLANK_LINE.split(re.sub(r" (?=[.,;:?!])", "", text))


def _catalog(data: bytes) -> Iterator[str]:
    """Yield the translations of a binary message catalog; see the manual of gettext."""
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(data[:4])
    if order is None:
        return
    _, count, _, table = struct.unpack_from(f"{order}4I", data, 4)
    for at in range(count):
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * at)
        text = _decoded(data[start : start + length])
        yield html.unescape(re.sub(r"<[^<>]*>|&(?=\w\b)|_(?=\w)", "", text))


_COMMENT: Final = re.compile(
    r'"""(.*?)"""|/\*+(.*?)\*/|((?:^[ \t]*(?:#|//)[^\n]*\n)+)', re.DOTALL | re.MULTILINE
)


def _comments(data: bytes) -> Iterator[str]:
    for match in _COMMENT.finditer(_decoded(data)):
        text = next(each for each in match.groups() if each is not None)
        yield from _BLANK_LINE.split(re.sub(r"(?m)^[ \t]*(?:#+|//+|\*)?[ \t]?", "", text))


_ESCAPE: Final = re.compile(
    r"\\f(?:\[\w*\]|\(..|.)|\\s[-+]?\d{1,2}|\\m\[[^\]]*\]|\\[&|^/,%:]|\\[hvwk]'[^']*'|\\X'[^']*'"
)
_CHARS: Final = {
    "\\-": "-",
    "\\(aq": "'",
    "\\(dq": '"',
    "\\(co": "©",
    "\\(bu": "•",
    "\\(em": "—",
    "\\(en": "–",
    "\\(lq": "“",
    "\\(rq": "”",
    "\\(ti": "~",
    "\\(ha": "^",
    "\\(ga": "`",
    "\\e": "\\",
    "\\ ": " ",
    "\\~": " ",
    "\\0": " ",
    "\\t": "\t",
}


def _manual(data: bytes) -> Iterator[str]:
    lines: list[str] = []
    for raw in _decoded(data).splitlines():
        line = raw
        if line.startswith(('.\\"', "'\\\"")):
            continue
        if line.startswith((".", "'")):
            macro, _, rest = line[1:].strip().partition(" ")
            joined = macro in {"B", "I", "BR", "IR", "RB", "RI", "BI", "IB", "SM", "UR", "MR", "Nm"}
            joined = joined or macro in {"Fl", "Ar", "Xr", "Pa", "Em", "Cm", "Dv", "Li", "Ql", "Sq"}
            if not joined:
                yield " ".join(lines) if macro not in {"nf", "EX"} else "\n".join(lines)
                lines = []
                if macro not in {"SH", "SS", "TP", "Sh", "Ss", "It", "TH"} and macro != "IP":
                    continue
            line = rest.replace('"', "") if len(macro) < 2 else rest.replace(' "', " ").strip('"')
        line = _ESCAPE.sub("", line)
        for escape, char in _CHARS.items():
            line = line.replace(escape, char)
        line = re.sub(r"\\\[u([0-9A-F]{4})\]", lambda match: chr(int(match[1], 16)), line)
        lines.append(re.sub(r"\\\[\w+\]|\\\(\w\w", "", line))
    yield " ".join(lines)


def _markup(data: bytes) -> Iterator[str]:
    reader = _Blocks()
    reader.feed(_decoded(data))
    reader.close()
    reader.end_block()
    yield from reader.blocks


class _Blocks(HTMLParser):
    """Collects the text of each block element."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self._pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        if tag in _BLOCKS:
            self.end_block()
        elif tag == "br":
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(self._hidden - 1, 0)
        if tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(data)

    def end_block(self) -> None:
        """Take the text since the last block as one."""
        text = re.sub(r"[ \t]*\n[ \t\n]*", "\n", "".join(self._pieces))
        self.blocks.append(text)
        self._pieces = []
