from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.detectors.checksums import is_card, is_iban, is_luhn, is_ssn
from mlsdm_grpc.governance.detectors.sensitive import find_sensitive
from mlsdm_grpc.governance.matching.findings import FindingKind, redact

KEY = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"
HEADER = "eyJhbGciOiJIUzI1NiJ9"
CLAIMS = "eyJzdWIiOiIxMjM0In0"

POSITIVE = [
    ("email", "write to ", "jane.doe+x@mail.example.org", ", please"),
    ("email", "Пишіть на ", "іван@пошта.укр", " зранку"),
    ("phone", "call ", "+49 (0)30 1234567", " now"),
    ("phone", "call ", "0049 30 1234567", ""),
    ("phone", "Tel. ", "030/1234567", ""),
    ("phone", "my cell: ", "(415) 555-2671", "."),
    ("phone", "Appelle le ", "06 12 34 56 78", " ce soir"),
    ("phone", "móvil ", "612 345 678", ""),
    ("phone", "номер ", "067 123 45 67", ""),
    ("ssn", "SSN ", "123-45-6789", "."),
    ("ssn", "my social security number is ", "123456789", ""),
    ("iban", "pay ", "DE89 3704 0044 0532 0130 00", " today"),
    ("iban", "IBAN ", "UA213223130000026007233566001", ""),
    ("card", "card ", "4111 1111 1111 1111", ", CVV"),
    ("card", "amex ", "378282246310005", ""),
    ("card", "diners ", "30569309025904", ""),
    ("ipv4", "from ", "203.0.113.7", ":8080"),
    ("ipv6", "host ", "2001:db8::8a2e:370:7334", " up"),
    ("jwt", "token ", f"{HEADER}.{CLAIMS}.c2ln", " end"),
    (
        "pem",
        "",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxY\n-----END RSA PRIVATE KEY-----",
        "",
    ),
    ("pem", "", "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAxYz0", ""),
    ("aws_key", "id ", "AKIAIOSFODNN7EXAMPLE", ""),
    ("aws_key", "id ", "ASIAIOSFODNN7EXAMPLE", ""),
    ("aws_secret", "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""),
    ("github_token", "", "ghp_" + KEY + "abcd", ""),
    ("github_token", "", "github_pat_" + KEY + "_" + KEY, ""),
    ("slack_token", "", "xoxb-123456789012-abcdefABCDEF", ""),
    ("google_key", "", "AIza" + KEY + "abc", ""),
    ("openai_key", "", "sk-" + KEY, ""),
    ("openai_key", "", "sk-proj-" + KEY + "_-x", ""),
    ("anthropic_key", "", "sk-ant-api03-" + KEY, ""),
    ("stripe_key", "", "sk_live_" + KEY, ""),
    ("stripe_key", "", "rk_test_" + KEY, ""),
    ("database_url", "", "postgres://app:s3cret@db.example/x", ""),
    ("database_url", "", "mongodb+srv://u:p%40ss@cluster.example", ""),
    ("bearer", "Authorization: Bearer ", "abcdef0123456789abcdef", ""),
    ("password", "password: ", "correct-horse", ""),
    ("password", "Das Passwort lautet ", "Sommer2031!", ""),
    ("password", "mi contraseña es ", "gato_77x", ""),
    ("password", "password=", "mypassword7", ""),
    ("api_key", "api_key=", KEY, ""),
    # Letters of Cyrillic, Greek and Armenian in place of Latin ones, and of digits.
    ("email", "write to ", "j\u0430ne@ex\u0430mple.\u03bfrg", ""),
    ("github_token", "", "gh\u0440_" + KEY + "\u0430bcd", ""),
    ("aws_key", "id ", "\u0410KIAI\u041eSFODNN7EXAMPLE", ""),
    ("iban", "pay ", "DE89 37\u041e4 0044 0532 0130 00", " today"),
    ("phone", "call ", "+49 (0)30 12\u058534567", " now"),
]
NEGATIVE = [
    "on 2024-05-06 at 12:30:45 we shipped version 1.2.3.4",
    "order 1234567890123456 and 4111 1111 1111 1112",
    "000-12-3456, 666-12-3456, 912-12-3456, 123-00-4567, 123-45-0000",
    "DE89 3704 0044 0532 0130 01",
    "127.0.0.1, 0.0.0.0, ::1, 256.1.1.1, 1.2.3",
    "std::vector<int> a; b::c",
    "the password is required, password: ********, password=${DB_PASSWORD}",
    "password: <your password>, pwd = os.environ['PWD']",
    "a bearer of good news",
    "sk-short, ghp_short, AKIA123, xoxb-1",
    "https://example.org/@user and postgres://db.example/x",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ\n-----END PUBLIC KEY-----",
    "eyJ is how a token begins, and a.b.c is no token",
    "total 1 234 567 890 euros, pi is 3.14159265358979, born 12.03.1987",
    "the ratio was 1:2:3 and the score 10-12-14",
    "an e-mail @ noon, me@home",
    "Rechnung 2023-0815 über 1.234,56",
    "passwd: uid:gid:gecos:dir:shell, --http-password=mot_de_passe, #password = #default",
    "password = ваш_пароль, password=mi_contraseña, Passwort: dein_passwort, pwd=my_password",
    "Proxy socks5h://apt:pass@127.0.0.1:9050",
    "10б клас, 5000грн за 30хв, 12А, ціна 3О0",
]


@pytest.mark.parametrize(("category", "before", "value", "after"), POSITIVE)
def test_places_are_exact(category: str, before: str, value: str, after: str):
    text = before + value + after
    found = [(each.category, text[each.start : each.end]) for each in find_sensitive(text)]
    assert found == [(category, value)]
    assert value not in redact(text, find_sensitive(text))


@pytest.mark.parametrize("text", NEGATIVE)
def test_what_only_looks_like_it_stays(text: str):
    assert find_sensitive(text) == ()


@pytest.mark.parametrize(("before", "value", "after"), [each[1:] for each in POSITIVE])
def test_findings_hold_no_values(before: str, value: str, after: str):
    for each in find_sensitive(before + value + after):
        assert value[-6:] not in repr(each)


def test_kinds():
    text = "jane@example.org sk-ant-api03-" + KEY
    assert [each.kind for each in find_sensitive(text)] == [
        FindingKind.PERSONAL_DATA,
        FindingKind.SECRET,
    ]


def test_a_long_key_is_covered_to_its_end():
    body = "\n".join("MIIEowIBAAKCAQEAxYz0" * 3 for _ in range(40))
    text = f"key:\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nthat is all"
    (found,) = find_sensitive(text)
    assert text[found.end :] == "\nthat is all"


def test_a_key_without_its_end_leaves_the_prose_behind_it():
    text = (
        "-----BEGIN PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAxYz0" * 3 + "\nThis is prose, not a key."
    )
    (found,) = find_sensitive(text)
    assert text[found.end :] == "\nThis is prose, not a key."


@given(st.integers(0, 10**14))
def test_luhn_notices_every_wrong_digit(number: int):
    digits = str(number)
    (check,) = (each for each in "0123456789" if is_luhn(digits + each))
    wrong = str((int(check) + 1) % 10)
    assert not is_luhn(digits + wrong)


@given(st.text("0123456789", min_size=18, max_size=18))
def test_iban_remainder(account: str):
    checks = [f"{each:02}" for each in range(2, 99) if is_iban(f"DE{each:02}{account}")]
    assert len(checks) == 1


def test_ranges():
    assert is_ssn("001", "01", "0001")
    assert not is_ssn("900", "01", "0001")
    assert is_card("6011111111111117")
    assert not is_card("9111111111111111")


@given(st.text(max_size=200))
def test_findings_are_sorted_and_apart(text: str):
    found = find_sensitive(text)
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start
    assert all(0 <= each.start < each.end <= len(text) for each in found)
