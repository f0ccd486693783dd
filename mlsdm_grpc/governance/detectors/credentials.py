"""The classes of secrets: keys, tokens, passwords, private keys.

To add one: an entry in ``SECRETS`` with hints that every match contains, bounded repetitions only,
and a positive and a negative example in tests/governance/test_sensitive.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["SECRETS", "SecretClass"]


@dataclass(frozen=True, slots=True)
class SecretClass:
    """How one class of secrets looks."""

    category: str
    hints: tuple[str, ...]
    """Lower case; a text without any of them is not searched."""
    pattern: re.Pattern[str]
    """Group ``v``, where there is one, is the place; else the whole match is."""
    accepts: Callable[[re.Match[str]], bool] = bool
    """What a match must fulfil besides."""
    score: float = 0.95


_PLACEHOLDER: Final = re.compile(
    r"(?i)[*x.•_\-#]+|[<{%\[$(].*|your.*|none|null|nil|true|false|undefined|required|optional"
    r"|change_?me|example|redacted|str(?:ing)?|password|passwort|secret|token"
    r"|(?:os|process|settings|config|self|env|args|request)\..*|[a-z_.]+\(.*"
)
_IS_STATE: Final = re.compile(
    r"(?i)(?:ed|able|ible|ing|ory|ous|ive|ent|ary|ful|less|ious|mente|ly|ment|sion|tion|lich|isch|bar|los|ung"
    r"|ert|iert|gt|ckt|llt|tzt|rt|ée?s?|és|eux|euse|able|ible|ado|ada|ido|ida|orio|oria|ий|ий|ено|ано"
    r"|ним|ною|ний|на|не|ати|ити|ось)$"
    r"|^(?:not|never|wrong|correct|valid|too|stored|sent|empty|set|lost|safe|secure|weak|strong|the|a|an"
    r"|in|on|at|by|for|kept|used|same|also|only|needed|shown|blank|long|short|hidden|known|unknown|case"
    r"|incorrect|invalid|asked|always|being|optional|encrypted|here|there|your|their|his|her|its|my"
    r"|what|that|this|stored|read|sent|then|different|unique|secret|public|private|nicht|falsch|richtig"
    r"|gültig|ungültig|leer|sicher|unsicher|zu|schwach|stark|gesetzt|noch|nur|auch|immer|ein|eine|der"
    r"|die|das|verloren|vergessen|incorrect|faux|fausse|vide|trop|correcte?|invalide|pas|perdu|le|la"
    r"|un|une|fort|faible|incorrecta|correcta|vac[ií]a|inválida|válida|demasiado|segura|débil|fuerte"
    r"|para|que|una|el|la|lo|muy|порожній|невірний|правильний|занадто|це|він|вона|для|як|що|не)$"
)
_KEY_CHAR: Final = r"[A-Za-z0-9_\-]"
_SECRET_NEAR: Final = re.compile(r"(?i)aws|amazon|secret")
_NAMES_OF_IT: Final = (
    r"(?:password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|contraseña|clave"
    r"|пароль|passwords?)"
)
_PASSWORD_HINTS: Final = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "passwort", "kennwort"),
    *("mot de passe", "contraseña", "clave", "пароль"),
)
_PEM_BREAK: Final = r"(?:\s|\\n|\\r)"


def _is_value(match: re.Match[str]) -> bool:
    return _PLACEHOLDER.fullmatch(match["v"]) is None


def _is_said_value(match: re.Match[str]) -> bool:
    """Tell a secret from a word of a sentence: it has a digit and something else."""
    digits = sum(each.isdigit() for each in match["v"])
    return 0 < digits < len(match["v"]) and _is_value(match)


def _is_aws_secret(match: re.Match[str]) -> bool:
    value = match["v"]
    before = match.string[max(match.start("v") - 60, 0) : match.start("v")]
    mixed = any(map(str.isdigit, value)) and any(map(str.isupper, value))
    return mixed and not value.isupper() and _SECRET_NEAR.search(before) is not None


def _has_password(match: re.Match[str]) -> bool:
    return _PLACEHOLDER.fullmatch(match["p"]) is None and match["p"] != match["u"]


def _is_assigned(match: re.Match[str]) -> bool:
    """Tell a value from a word of a sentence: it is quoted, ends its line, or is no plain word."""
    value = match["v"]
    if not _is_value(match):
        return False
    if not value.isalpha() or (value != value.lower() and not value.istitle()):
        return True
    rest = match.string[match.end("v") :][:2]
    quoted = match.string[match.start("v") - 1] in "\"'`" or "=" in match["sign"]
    return (quoted or not rest.strip() or rest[0] == "\n") and not _IS_STATE.search(value)


def _is_told(match: re.Match[str]) -> bool:
    """Tell "the password is orange" from "the password is required"."""
    return _is_value(match) and not _IS_STATE.search(match["v"])


def _is_login(match: re.Match[str]) -> bool:
    """Return whether Basic authentication carries a name and a password."""
    try:
        decoded = base64.b64decode(match["v"] + "=" * (-len(match["v"]) % 4), validate=True)
    except binascii.Error:
        return False
    return b":" in decoded and decoded.isascii()


SECRETS: Final = (
    SecretClass(
        "pem",
        ("private key",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            rf"(?:{_PEM_BREAK}{{0,40}}(?:(?:Proc-Type|DEK-Info|Version|Comment):[^\n]{{0,80}}"
            rf"|[A-Za-z0-9+/=]{{20,}}|[A-Za-z0-9+/=]{{1,128}}(?={_PEM_BREAK}{{0,3}}(?:\n|\\n|\Z)"
            r"|[ ]?-----END)))*"
            rf"(?:{_PEM_BREAK}{{0,8}}-----END [A-Z0-9 ]{{1,60}}-----)?"
        ),
        score=1.0,
    ),
    SecretClass(
        "gitlab_token",
        ("glpat-", "gldt-", "glrt-", "glptt-"),
        re.compile(rf"(?<!{_KEY_CHAR})gl(?:pat|dt|rt|ptt)-{_KEY_CHAR}{{20,255}}"),
    ),
    SecretClass(
        "sendgrid_key",
        ("sg.",),
        re.compile(rf"(?<![A-Za-z0-9.])SG\.{_KEY_CHAR}{{16,64}}\.{_KEY_CHAR}{{16,64}}"),
    ),
    SecretClass(
        "telegram_token",
        (":aa",),
        re.compile(rf"(?<!\d)\d{{8,10}}:AA{_KEY_CHAR}{{32,34}}(?!{_KEY_CHAR})", re.ASCII),
    ),
    SecretClass(
        "slack_webhook",
        ("hooks.slack.com",),
        re.compile(r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_]{20,128}"),
    ),
    SecretClass(
        "azure_key",
        ("accountkey", "sharedaccesskey"),
        re.compile(r"(?i)(?:account|sharedaccess)key=(?P<v>[A-Za-z0-9+/]{40,100}={0,2})"),
    ),
    SecretClass(
        "basic_auth",
        ("basic",),
        re.compile(r"(?i)(?<![a-z])basic[ \t]{1,4}(?P<v>[a-z0-9+/]{8,255}={0,2})"),
        accepts=_is_login,
    ),
    SecretClass(
        "basic_auth",
        ("curl", "wget"),
        re.compile(
            r"(?:curl|wget)\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?(?P<u>[^\s:\"']{1,64}):"
            r"(?P<p>(?P<v>[^\s\"']{1,128}))"
        ),
        accepts=_has_password,
    ),
    SecretClass(
        "npm_token",
        ("npm_",),
        re.compile(r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ),
    SecretClass(
        "pypi_token",
        ("pypi-",),
        re.compile(rf"(?<!{_KEY_CHAR})pypi-AgE{_KEY_CHAR}{{40,255}}"),
    ),
    SecretClass(
        "huggingface_token",
        ("hf_",),
        re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,40}(?![A-Za-z0-9])"),
    ),
    SecretClass(
        "jwt",
        ("eyj",),
        re.compile(r"(?<![\w\-])eyJ[\w\-]{8,400}\.eyJ[\w\-]*(?:\.[\w\-]*)?", re.ASCII),
        score=1.0,
    ),
    SecretClass(
        "aws_key",
        ("akia", "asia"),
        re.compile(r"(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    SecretClass(
        "aws_secret",
        ("aws", "amazon", "secret"),
        re.compile(r"(?<![A-Za-z0-9/+])(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
        accepts=_is_aws_secret,
        score=0.9,
    ),
    SecretClass(
        "github_token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(
            r"(?<![A-Za-z0-9])(?:gh[opusr]_[A-Za-z0-9]{30,255}|github_pat_\w{40,255})", re.ASCII
        ),
    ),
    SecretClass(
        "slack_token",
        ("xox",),
        re.compile(r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9\-]{10,255}"),
    ),
    SecretClass(
        "google_key",
        ("aiza",),
        re.compile(rf"(?<!{_KEY_CHAR})AIza{_KEY_CHAR}{{35}}(?!{_KEY_CHAR})"),
    ),
    SecretClass(
        "anthropic_key",
        ("sk-ant-",),
        re.compile(rf"(?<!{_KEY_CHAR})sk-ant-{_KEY_CHAR}{{20,255}}"),
    ),
    SecretClass(
        "openai_key",
        ("sk-",),
        re.compile(
            rf"(?<!{_KEY_CHAR})sk-(?:(?:proj|svcacct|admin)-{_KEY_CHAR}{{20,255}}"
            r"|[A-Za-z0-9]{20,255})"
        ),
    ),
    SecretClass(
        "stripe_key",
        ("k_live_", "k_test_", "whsec_"),
        re.compile(r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,255}"),
    ),
    SecretClass(
        "database_url",
        ("://",),
        re.compile(
            r"(?i)(?<![a-z0-9+.\-])[a-z][a-z0-9+]{1,30}://(?P<u>[^\s:/@\"'<>]{0,64}):"
            r"(?P<p>[^\s@/?\"'<>]{1,128})@[^\s/\"'<>]{1,128}(?:/[^\s\"'<>]{0,64})?"
        ),
        accepts=_has_password,
    ),
    SecretClass(
        "bearer",
        ("bearer",),
        re.compile(r"(?i)(?<![a-z])bearer[ \t]{1,4}(?P<v>[a-z0-9_\-.~+/]{16,255}={0,2})"),
        accepts=_is_said_value,
    ),
    SecretClass(
        "password",
        _PASSWORD_HINTS,
        re.compile(
            rf"(?i){_NAMES_OF_IT}[\"']?\s{{0,3}}(?P<sign>[:=]{{1,2}})[ \t]{{0,3}}[\"'`]?"
            r"(?P<v>[^\s\"'`,;]{6,128})"
        ),
        accepts=_is_assigned,
        score=0.9,
    ),
    SecretClass(
        "password",
        _PASSWORD_HINTS,
        re.compile(
            rf"(?i)(?:\b(?:my|our|the|wifi|wi-fi|new|old|mein|das|unser|neues?|mon|le|notre|nouveau"
            rf"|mi|la|nuestra|nueva|мій|наш|новий) ){{1,2}}(?:[\w\-]{{2,12}} )?{_NAMES_OF_IT}"
            r"(?: (?:for|für|pour|para|для|of|vom|du|del) [\w\-]{2,16}){0,2}"
            r" (?:is|ist|lautet|est|es|was|—|:) [\"'`«„“]?(?P<v>[^\W\d_]{4,24})[\"'`»“”]?"
            r"(?=[.!,]?(?:\s*$|\n|[.!,] [A-ZА-Я]))"
        ),
        accepts=_is_told,
        score=0.6,
    ),
    SecretClass(
        "password",
        _PASSWORD_HINTS,
        re.compile(
            rf"(?i){_NAMES_OF_IT}(?: [^\s:=]{{1,16}}){{0,3}}"
            r" (?:is|ist|lautet|est|es|was|to|auf|[—–-]) [\"'`«„“]?"
            r"(?P<v>[^\s\"'`,;»“”]{6,128})"
        ),
        accepts=_is_said_value,
        score=0.8,
    ),
    SecretClass(
        "api_key",
        ("key", "token", "secret"),
        re.compile(
            r"(?i)(?:api[_\- ]?key|secret[_\- ]?key|access[_\- ]?key|private[_\- ]?key"
            r"|token|secret)[\"']?\s{0,3}(?:[:=]{1,2}| is )\s{0,3}[\"'`]?"
            r"(?P<v>[a-z0-9_\-.+/]{16,255}={0,2})"
        ),
        accepts=_is_said_value,
        score=0.8,
    ),
)
"""More specific classes first: of places that overlap the first one stays."""
