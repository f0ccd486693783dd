"""Markup that a model would read as a turn of a conversation, found in text of a user or tool.

Tokens of chat templates are told from ordinary text by their form. Lines and tags that name a role
count only with text behind them; headings and closing marks are weak evidence, which never decides
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["MARK_KINDS", "Mark", "find_markup"]

_ROLE: Final = (
    r"(?:system|developer|admin(?:istrator)?|root|assistant|sysop|operator|moderator"
    r"|système|administrateur|développeur|sistema|administrador|desarrollador"
    r"|система|системне|адміністратор|розробник|systemnachricht|systemmeldung|entwickler)"
)
_AUTHORITY: Final = (
    r"(?:system|override|admin|developer|root|instruction|directive|new rules?|policy"
    r"|systemnachricht|anweisung|neue anweisung|système|instructions?|consigne|sistema|instruccion"
    r"|orden del|система|систем|інструкці|службов|нов[іе] правил|tool result|safety)"
)
_TEXT: Final = r"[ \t]*\n?[ \t]*(?=[^\W\d_]+(?:[ \t,]+[^\s<>]+){2})"
"""At least three words follow."""


class Mark(NamedTuple):
    """A place of markup."""

    start: int
    end: int
    kind: str
    """One of ``MARK_KINDS``."""


_MARKS: Final = (
    (
        "token",
        re.compile(
            r"<[|｜](?:[a-z]+[_▁]){0,3}(?:start|end|sep|sent|system|user|assistant|tool|endoftext"
            r"|text|id|eot|bos|eos|begin|turn|header|prompt)(?:[_▁][a-z]+){0,3}[|｜]>"
            r"|\[/?inst\]|<</?sys>>|</?(?:start|end)_of_turn>"
        ),
    ),
    (
        "role_tag",
        re.compile(
            rf"<{_ROLE}(?:[_\- ](?:prompt|message|override|instructions?|note))?"
            rf"(?:\s[^<>\n]{{0,60}})?>{_TEXT}"
            rf"|</?(?:{_ROLE}|user)_(?:message|turn|input|prompt)>"
            rf"|<!--[ \t]{{0,3}}(?:{_ROLE}|ai|llm|bot)[ \t]?:{_TEXT}"
        ),
    ),
    (
        "role_note",
        re.compile(
            rf"\[\s?(?:{_ROLE}|override)(?: (?:message|override|note|prompt|nachricht|mensaje)s?)?"
            rf"\s?(?:\]:?{_TEXT}|:[^\]\n]{{8,80}}\])"
            r"|\[\s?(?:message from|nachricht vo[nm]|message d[eu]|mensaje de|повідомлення)"
            r"[^\]\n]{0,40}\]"
        ),
    ),
    (
        "role_line",
        re.compile(
            rf"(?:^|\n)[ \t]{{0,4}}[*#>]{{0,4}}[ ]?{_ROLE}[*]{{0,2}}[ \t]?:[*]{{0,2}}{_TEXT}"
        ),
    ),
    (
        "heading",
        re.compile(
            r"(?:^|\n)[ \t]{0,4}(?:#{1,6}|\*{2,3}|={2,10}|-{3,10}|[>«]{2,4})[ \t]{0,4}"
            rf"(?:[^\n]{{0,16}}(?<!\w))?{_AUTHORITY}[^\n]{{0,40}}(?::|#|=|\*|-|»|\n|$)"
        ),
    ),
    (
        "closing",
        re.compile(
            r"(?<!\w)(?:end|ende|fin|кінець|конец)[ \t](?:of|de|der|des|du)?[ \t]?(?:the|la|l')?"
            r"[ \t]?(?:user|system|prompt|query|conversation|input|instructions|context|document"
            r"|consulta|usuario|anfrage|nutzereingabe|requête|utilisateur|запиту|користувача)"
            r"(?!\w)"
        ),
    ),
    (
        "role_value",
        re.compile(
            r"[\"'](?:role|rol|rolle|rôle|роль|from|author)[\"'][ \t]?:[ \t]?[\"']"
            rf"{_ROLE}[\"']"
        ),
    ),
    (
        "dialogue",
        re.compile(
            r"(?:^|\n)(?:assistant|assistent|asistente|ai|bot|асистент)[ \t]?:[^\n]{1,200}\n"
            r"(?:user|human|utilisateur|usuario|nutzer|користувач)[ \t]?:"
        ),
    ),
)
MARK_KINDS: Final = tuple(kind for kind, _ in _MARKS)


def find_markup(plain: str) -> Iterator[Mark]:
    """Yield the marks in ``plain`` text.

    Cost: O(len(plain)).
    """
    for kind, pattern in _MARKS:
        for match in pattern.finditer(plain):
            yield Mark(*match.span(), kind)
