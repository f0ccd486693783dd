"""Extraction of prose from a text, without code, lists, tables, quotations, logs and data.

The rules cover Markdown, common programming languages, shells, logs and data formats, line by line.
Each line is examined a fixed number of times, and only its first ``_MAX_LINE_CHARS`` characters are
matched with regular expressions, so the time is linear for any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from typing import Final

from mlsdm_grpc.speech.tokens import PLACEHOLDER

__all__ = ["Line", "LineKind", "lines", "prose_blocks"]

_MAX_LINE_CHARS: Final = 400
# Minimum length of a line without a full stop that may continue in the next line.
_WRAPPED_CHARS: Final = 60
# The same minimum if the next line starts with a lower-case letter.
_WRAPPED_SMALL_CHARS: Final = 40

_FENCE: Final = re.compile(r"\s{0,8}(`{3,}(?=[^`]*$)|~{3,})")
_ITEM: Final = re.compile(
    r"\s*(?:[-*+•◦▪‣·–]\s+|\[[ xX✓]\]\s+|(?:\d{1,3}[.)]|[a-zA-Z]\)|[ivx]{1,4}[.)])\s+)(?:\*\*)?\S"
)
_HEADING: Final = re.compile(
    r"\s{0,3}(?:\#{1,6}\s|\*\*[^*]{1,120}\*\*:?\s*$|__[^_]{1,120}__:?\s*$|[-=*_\s]{3,}$)"
)
_LOG: Final = re.compile(
    r"""\s* (?:
        \[? \d{4}[-/]\d\d[-/]\d\d \]? [T\s]
      | \[? \d\d:\d\d:\d\d \b
      | [A-Z][a-z]{2}\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d
      | \[? (?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)
        (?: \] | :\s | \s{1,3}[\[\w] )
      | Traceback\ \( | File\ " | at\ [\w.$<>/]{1,200}\( | goroutine\s\d | Caused\ by:
      | \w{1,40}(?:Error|Exception):\s
      | \d{1,3}(?:\.\d{1,3}){3}\s
    )""",
    re.VERBOSE,
)
_DATA: Final = re.compile(
    r"""\s* (?:
        [{}\[\]()]{1,10} [,;]? \s* $
      | [{\[] \s* ["'{\[\d]
      | "[^"]{0,80}" \s* : | '[^']{0,80}' \s* :
      | </? [a-zA-Z!?]
      | [\w.-]{1,60} \s? = \s? \S
      | \[ [\w.:\ -]{1,60} \] \s* $
      | \[ [^\[\]]{1,60} \]: \s | \.\.\s [|\[\w] | :[\w-]{1,30}:
      | [^\s,]{1,80} (?: ,[^\s,]{0,80} ){2,60} \s* $
      | [a-z][\w-]{0,40} : (?: \s+ [\w"'./:-]{1,60} )? \s* $
    )""",
    re.VERBOSE,
)
_CODE: Final = re.compile(
    r"""\s* (?:
        \$\s+[a-z./] | >>>\s | \#! | // | /\*{1,2}(?:\s|$) | \*/ | @\w+(?:\(|$)
      | (?:async\s)?def\s\w+\( | class\s\w+[({:] | func\s[\w(] | fn\s\w+[(<]
      | import\s[\w{*"'][^\s.!?]*\s*;?$ | from\s[\w.]+\simport\s | package\s[\w.]+;
      | (?:let|const|var|val)\s(?:mut\s)?\w+\s*[:=]
      | (?:public|private|protected)\s(?:static|final|void|class|int|string|async|def|function)\b
      | (?:if|for|while|elif|with|switch)\b[^.!?]{1,200}[:{]\s*$ | (?:else|try|finally)\s?[:{]
      | return\s[^.!?]{0,100}[\w\])]\s*[;+*/(\[]
      | (?:SELECT|INSERT\sINTO|DELETE\sFROM|CREATE\sTABLE|ALTER\sTABLE|DROP\sTABLE|GROUP\sBY
          |ORDER\sBY|INNER\sJOIN|LEFT\sJOIN)\s[\w*"(]+
      | (?:FROM|WHERE|UPDATE|RUN|COPY|CMD|ENTRYPOINT|ENV|EXPOSE|WORKDIR)\s[a-z0-9*"(\[./]
      | (?:sudo|apt|apt-get|pip3?|npm|npx|yarn|git|docker|kubectl|curl|wget|mkdir|chmod|chown
          |scp|systemctl|python3?|psql|terraform)\s[\w./~"'-]
      | (?:cargo|brew|helm|make|go|grep|sed|awk)\s(?:install|build|run|test|check|upgrade|['"])
    )""",
    re.VERBOSE,
)
_INSIDE: Final = re.compile(
    r"""[;{}]\s*$ | =>|\s->\s|\w::\w|[=!]=|&&|\|\||\+=|:=|</\w|\w\[\w*\]|\$\{|\$\(|\w\.\w+\(
      | \w\((?:[\w"'.,*\s=]{0,80})\)\s*[;:{]?\s*$ | \w\s=\s[\w"'\[{(] | \s--?[a-z][\w-]*(?:[\s=]|$)
      | \s\|\s[a-z] | \s>{1,2}\s[\w./]""",
    re.VERBOSE,
)
# Characters and words of which every line that is not prose contains at least one. Most lines of
# prose contain none and need no other pattern.
_SUSPECT: Final = re.compile(
    r"""[^\w\s.,!?…'’] | [\d_] | ,\S | ^\s*(?:
        return|class|import|from|package|func|fn|public|private|protected|if|for|while|elif
      | with|switch|else|try|finally|panic|goroutine|at|sudo|apt|pip|npm|npx|yarn|git|docker|kubectl
      | curl|wget|mkdir|chmod|chown|scp|systemctl|cargo|python|psql|helm|terraform|brew|make|go
      | [A-Z]{2,}
    )\b | ^\s*[ivx]{1,4}\.\s""",
    re.VERBOSE,
)
_INLINE_CODE: Final = re.compile(r"`[^`\n]{1,300}`")
_LINK: Final = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^()\s\[\]]{0,500}\)")
_SPEAKER: Final = re.compile(r"^\s*[^\W\d_]\w{0,20}:\s+(?=\S)")
# A line that consists of direct speech.
_QUOTED: Final = re.compile(
    r"""\s*(?:"[^"]{1,380}"|“[^“”]{1,380}”|„[^„“”]{1,380}[“”]|«[^«»]{1,380}»|»[^«»]{1,380}«)\s*$"""
)
_SEVERAL: Final = re.compile(r"[.!?…]\s+\S")
_ENDED: Final = re.compile(r"[.!?…:;。！？][\"'»”)*_]*\s*$")


class LineKind(Enum):
    """Kinds of lines."""

    BLANK = auto()
    PROSE = auto()
    CODE = auto()
    """Code, logs and data."""
    LAYOUT = auto()
    """Lists, tables, headings and quotations."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text with its kind."""

    kind: LineKind
    text: str


def lines(text: str) -> list[Line]:
    """Return the lines of ``text`` with their kinds.

    An ambiguous line between lines of code counts as code.

    Cost: O(len(text)).
    """
    found: list[Line] = []
    seen: dict[tuple[str, LineKind], LineKind] = {}
    fence = ""
    after_blank = True
    for raw in text.splitlines():
        is_row = "\t" in raw.strip()
        line = raw.expandtabs(4).rstrip()
        opening = _FENCE.match(line)
        if fence or opening:
            found.append(Line(LineKind.CODE, line))
            if opening and not fence:
                fence = opening[1]
            elif opening and opening[1].startswith(fence):
                fence = ""
            continue
        start = (line[:_MAX_LINE_CHARS], found[-1].kind if found else LineKind.BLANK)
        kind = seen.get(start) or seen.setdefault(start, _kind(*start))
        if is_row and kind is LineKind.PROSE:
            kind = LineKind.LAYOUT
        if kind is LineKind.PROSE and after_blank and line.startswith("    ") and found:
            kind = LineKind.CODE
        after_blank = kind is LineKind.BLANK or (after_blank and kind is LineKind.CODE)
        found.append(Line(kind, line))
    return _settle(found)


def prose_blocks(text: str) -> list[str]:
    """Return the prose of ``text``, one string for each run of connected lines.

    ``PLACEHOLDER`` replaces inline code, and their text replaces links. Speaker names in a
    dialogue ("A: ...") are removed.

    Cost: O(len(text)).
    """
    blocks: list[str] = []
    for kind, group in groupby(lines(text), key=lambda line: line.kind):
        if kind is LineKind.PROSE:
            blocks.extend(_joined([line.text for line in group]))
    return blocks


def _kind(line: str, previous: LineKind) -> LineKind:
    if not line.strip():
        return LineKind.BLANK
    if not _SUSPECT.search(line) and previous is not LineKind.LAYOUT:
        return LineKind.PROSE
    if _is_layout(line) or (previous is LineKind.LAYOUT and line.startswith("  ")):
        return LineKind.LAYOUT
    if any(pattern.match(line) for pattern in (_LOG, _DATA, _CODE)) or _INSIDE.search(line):
        return LineKind.CODE
    return LineKind.PROSE


def _is_layout(line: str) -> bool:
    stripped = line.lstrip()
    bars = line.count("|")
    if stripped[0] == ">" and not stripped.startswith(">>>"):
        return True
    if "\u2500" <= stripped[0] <= "\u257f":  # box-drawing characters of tables
        return True
    if bars >= 2 and (stripped[0] == "|" or " | " in line):
        return True
    return bool(_ITEM.match(line) or _HEADING.match(line))


def _settle(found: list[Line]) -> list[Line]:
    """Classify ambiguous lines by their neighbours: single lines of code, titles of lists."""
    settled: list[Line] = []
    if sum(map(_is_speech, found)) > 1:
        found = [Line(LineKind.LAYOUT, each.text) if _is_speech(each) else each for each in found]
    for blank, group in groupby(found, key=lambda line: line.kind is LineKind.BLANK):
        block = list(group)
        codes = sum(line.kind is LineKind.CODE for line in block)
        proses = sum(line.kind is LineKind.PROSE for line in block)
        if not blank and codes > proses > 0:
            block = [_stray(line) for line in block]
        settled.extend(block)
    following = LineKind.BLANK
    for at in range(len(settled) - 1, -1, -1):
        line = settled[at]
        if line.kind is LineKind.BLANK:
            continue
        if line.kind is LineKind.PROSE and _is_title(line.text, following):
            settled[at] = Line(LineKind.LAYOUT, line.text)
        following = line.kind
    return settled


def _is_speech(line: Line) -> bool:
    """Return True if a line is one turn of a dialogue."""
    return line.kind is LineKind.PROSE and _QUOTED.match(line.text[:_MAX_LINE_CHARS]) is not None


def _stray(line: Line) -> Line:
    """Return ``line`` as code if it is between code and does not read like prose."""
    if line.kind is not LineKind.PROSE or _reads_like_prose(line.text):
        return line
    return Line(LineKind.CODE, line.text)


def _is_title(text: str, following: LineKind) -> bool:
    """Return True if a line only announces the following lines, such as "Ingredients:"."""
    if following in {LineKind.BLANK, LineKind.PROSE} or _SEVERAL.search(text):
        return False
    return text.endswith(":") or not _ENDED.search(text[-20:])


def _reads_like_prose(line: str) -> bool:
    """Return True if a line between code is an ordinary sentence or an introduction."""
    return line[:1].isupper() and line.endswith((".", "!", "?", ":")) and line.count(" ") >= 3


def _joined(texts: list[str]) -> list[str]:
    """Join the lines of one paragraph."""
    blocks: list[list[str]] = []
    open_chars = 0
    for text in texts:
        line = _without_markup(text)
        is_small = line.lstrip()[:1].islower()
        if open_chars >= (_WRAPPED_SMALL_CHARS if is_small else _WRAPPED_CHARS):
            blocks[-1].append(line)
        else:
            blocks.append([line])
        open_chars = 0 if _ENDED.search(line[-20:]) else len(text)
    return [" ".join(block) for block in blocks]


def _without_markup(line: str) -> str:
    if "`" in line:
        line = _INLINE_CODE.sub(PLACEHOLDER, line)
    if "](" in line:
        line = _LINK.sub(r"\1", line)
    return _SPEAKER.sub("", line) if ":" in line else line
