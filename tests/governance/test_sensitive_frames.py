"""Secrets and personal data of every class in many surroundings, and what only resembles them."""

import random
import string

import pytest

from mlsdm_grpc.governance.detectors.sensitive import find_sensitive

FRAMES = [
    "{}",
    "export TOKEN={}",
    'curl -H "X-Key: {}" https://api.example.com/v1',
    "Here it is: {}. Please keep it.",
    "Der Schlüssel lautet {}, bitte nicht weitergeben.",
    "voici la valeur : {}",
    "la clave nueva es {} desde hoy",
    "ось він: {}",
    "| name | {} | owner |",
    '{{"value": "{}"}}',
    "<td>{}</td>",
    "log: 2026-01-04 12:00:01 worker started with {} (pid 42)",
]
UPPER, LOWER, WORD = (
    string.ascii_uppercase + string.digits,
    string.ascii_lowercase + string.digits,
    string.ascii_letters + string.digits,
)


def made(seed, alphabet, count):
    return "".join(random.Random(seed).choices(alphabet, k=count))


SECRETS = {
    "aws_key": lambda n: "AKIA" + made(n, UPPER, 16),
    "github_token": lambda n: "ghp_" + made(n, WORD, 36),
    "gitlab_token": lambda n: "glpat-" + made(n, WORD, 20),
    "sendgrid_key": lambda n: f"SG.{made(n, WORD, 22)}.{made(n + 1, WORD, 43)}",
    "telegram_token": lambda n: f"{made(n, '123456789', 9)}:AA{made(n, WORD, 33)}",
    "slack_webhook": lambda n: (
        f"https://hooks.slack.com/services/T{made(n, UPPER, 8)}/B{made(n, UPPER, 8)}/"
        + made(n, WORD, 24)
    ),
    "slack_token": lambda n: f"xoxb-{made(n, string.digits, 12)}-{made(n, WORD, 24)}",
    "google_key": lambda n: "AIza" + made(n, WORD, 35),
    "anthropic_key": lambda n: "sk-ant-api03-" + made(n, WORD, 60),
    "openai_key": lambda n: "sk-" + made(n, WORD, 48),
    "stripe_key": lambda n: "sk_live_" + made(n, WORD, 24),
    "npm_token": lambda n: "npm_" + made(n, WORD, 36),
    "pypi_token": lambda n: "pypi-AgEIcHlwaS5vcmc" + made(n, WORD, 60),
    "huggingface_token": lambda n: "hf_" + made(n, string.ascii_letters, 34),
    "azure_key": lambda n: (
        f"AccountName=store;AccountKey={made(n, WORD, 86)}==;EndpointSuffix=core.windows.net"
    ),
    "database_url": lambda n: f"postgres://app:{made(n, WORD, 16)}@db.example.com/main",
}
ORDINARY = [
    "The token is used once and then thrown away.",
    "A password must have twelve characters.",
    "Das Passwort ist falsch.",
    "Le mot de passe est incorrect.",
    "La contraseña no es válida.",
    "Пароль не підходить.",
    "postgres://user:password@localhost",
    "git@github.com:owner/repo.git",
    "driver 42.7.3.0",
    "section 4.2.1.3",
    "OID 1.3.6.1.4.1.311.2.1",
    "100 000 000 users",
    "EAN 4006381333931",
    "part 123-45-6789",
    "Mo-Fr 09:00-17:30, Sa 10-14",
    "2024-05-06 12:30:00",
    "04.05.2024 - 06.05.2024",
    "The basic idea of bearer bonds is simple.",
    "Basic authentication is not enough.",
    "AKIA is a prefix of Amazon.",
    "https://hooks.slack.com is the host.",
    "sk-learn is a nickname.",
]


@pytest.mark.parametrize("category", SECRETS)
def test_a_secret_is_found_in_every_frame(category):
    for n, frame in enumerate(FRAMES):
        for seed in (n, n + 100):
            value = SECRETS[category](seed)
            text = frame.format(value)
            found = [each for each in find_sensitive(text) if each.category == category]
            assert found, text
            places = [text[each.start : each.end] for each in found]
            assert any(place in value or value in place for place in places), text


def card(seed):
    digits = [int(each) for each in "4" + made(seed, string.digits, 14)]
    doubled = [d * 2 - 9 * (d > 4) if i % 2 == 0 else d for i, d in enumerate(digits)]
    number = "".join(map(str, [*digits, -sum(doubled) % 10]))
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def iban(seed):
    account = made(seed, string.digits, 18)
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02}{account}"


# A frame that names a password or a token makes a secret of what it holds.
NEUTRAL = [frame for frame in FRAMES if "TOKEN" not in frame and "clave" not in frame]
PERSONAL = {
    "email": lambda n: f"{made(n, LOWER, 8)}.{made(n + 1, LOWER, 5)}@example.com",
    "card": card,
    "iban": iban,
    "phone": lambda n: f"+49 30 {2 + n % 7}{made(n, string.digits, 6)}",
}


@pytest.mark.parametrize("category", PERSONAL)
def test_personal_data_is_found_in_every_frame(category):
    for n, frame in enumerate(NEUTRAL):
        for seed in range(n, n + 300, 60):
            value = PERSONAL[category](seed)
            text = frame.format(value)
            found = [each for each in find_sensitive(text) if each.category == category]
            assert [text[each.start : each.end] for each in found] == [value], text


@pytest.mark.parametrize("text", ORDINARY)
def test_what_resembles_them_stays(text):
    for frame in ("{}", "Note: {}", "({})"):
        assert find_sensitive(frame.format(text)) == (), frame.format(text)
