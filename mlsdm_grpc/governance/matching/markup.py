"""Markup that only a chat template, a server or a tool would write, found in what a user sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["find_markup"]

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
_MARKS: Final = (
    (re.compile(r"<\|[a-z_ ]{2,24}\|>"), 0.9),
    (re.compile(r"\[/?inst\]|<</?sys>>"), 0.9),
    (
        re.compile(
            rf"</?{_ROLE}(?:[_\- ](?:prompt|message|override|instructions?|note))?"
            r"(?:\s[^<>\n]{0,60})?>"
            r"|</?(?:user|assistant)_(?:message|turn|input)>"
        ),
        0.8,
    ),
    (
        re.compile(
            rf"\[\s*(?:{_ROLE}|override|message from|nachricht vo[nm]|message d[eu]|mensaje de"
            r"|повідомлення)[^\]\n]{0,40}\]"
        ),
        0.75,
    ),
    (
        re.compile(
            r"(?:^|\n)[ \t]{0,4}(?:#{1,6}|\*{2,3}|={2,10}|-{3,10}|[>«]{2,4})[ \t]{0,4}"
            rf"[^\n]{{0,16}}{_AUTHORITY}[^\n]{{0,40}}(?::|#|=|\*|-|»|\n|$)"
        ),
        0.6,
    ),
    (
        re.compile(
            r"(?:end|ende|fin|кінець|конец)[ \t](?:of|de|der|des|du)?[ \t]?(?:the|la|l')?[ \t]?"
            r"(?:user|system|prompt|query|conversation|input|instructions|context|document"
            r"|consulta|usuario|anfrage|nutzereingabe|requête|utilisateur|запиту|користувач)"
        ),
        0.6,
    ),
    (
        re.compile(
            r"[\"'](?:role|rol|rolle|rôle|роль|from|author)[\"'][ \t]?:[ \t]?[\"']"
            rf"{_ROLE}[\"']"
        ),
        0.6,
    ),
    (
        re.compile(
            r"(?:^|\n)(?:assistant|assistent|asistente|ai|bot|асистент)[ \t]?:[^\n]{1,200}\n"
            r"(?:user|human|utilisateur|usuario|nutzer|користувач)[ \t]?:"
        ),
        0.7,
    ),
)


def find_markup(plain: str) -> Iterator[tuple[int, int, float]]:
    """Yield (start, end, certainty) of fake markup in ``plain`` text.

    Cost: O(len(plain)).
    """
    for pattern, certainty in _MARKS:
        for match in pattern.finditer(plain):
            yield *match.span(), certainty
