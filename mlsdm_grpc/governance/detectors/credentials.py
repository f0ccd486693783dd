"""The classes of secrets: keys, tokens, passwords, private keys.

To add one: an entry in ``SECRETS`` with hints that every match contains, bounded repetitions only,
and a positive and a negative example in tests/governance/test_sensitive.py.
"""

from __future__ import annotations

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
    return re.fullmatch(r"[<{%\[$(*].*|x+", match["p"]) is None


SECRETS: Final = (
    SecretClass(
        "pem",
        ("private key",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            rf"(?:{_PEM_BREAK}{{0,40}}(?:(?:Proc-Type|DEK-Info|Version|Comment):[^\n]{{0,80}}"
            r"|[A-Za-z0-9+/=]{20,}))*"
            rf"(?:{_PEM_BREAK}{{0,8}}[A-Za-z0-9+/=]{{1,20}}(?={_PEM_BREAK}{{0,8}}(?:-----END|\Z)))?"
            rf"(?:{_PEM_BREAK}{{0,8}}-----END [A-Z0-9 ]{{1,60}}-----)?"
        ),
        score=1.0,
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
            r"(?i)(?<![a-z0-9+.\-])[a-z][a-z0-9+]{1,30}://[^\s:/@\"'<>]{0,64}:"
            r"(?P<p>[^\s@\"'<>]{1,128})@[^\s/\"'<>]{1,128}(?:/[^\s\"'<>]{0,64})?"
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
            rf"(?i){_NAMES_OF_IT}[\"']?\s{{0,3}}[:=]{{1,2}}\s{{0,3}}[\"'`]?"
            r"(?P<v>[^\s\"'`,;]{6,128})"
        ),
        accepts=_is_value,
        score=0.9,
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
