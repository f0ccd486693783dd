"""Canaries: keys, tokens and personal data of each class, and requests with one in one field."""

from __future__ import annotations

import itertools

from google.protobuf.descriptor import FieldDescriptor

TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
DEPTH = 4
"""Levels of messages in a request that get canaries."""


def _card(number):
    digits = f"4{number:014}"
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(digits)]
    return digits + str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def _iban(number):
    account = f"BUKB2020{number:010}"
    digits = "".join(str(int(each, 36)) for each in f"{account}GB00")
    return f"GB{98 - int(digits) % 97:02}{account}"


FORMS = (
    lambda n: f"canary{n}@mail.example",
    lambda n: f"+44 20 79{n:06}",
    lambda n: f"{100 + n % 500}-{10 + n // 500 % 80}-{1_000 + n % 9_000}",
    _iban,
    _card,
    lambda n: f"93.{n % 199 + 50}.{n // 199 % 199 + 50}.{n % 97 + 100}",
    lambda n: f"2001:db8::{n:x}:1",
    lambda n: f"eyJhbGciOiJSUzI1NiJ9{n}.eyJzdWIiOiJj{n}.c2ln{n}",
    lambda n: f"-----BEGIN PRIVATE KEY-----\nMIICANARY{n:024}\n-----END PRIVATE KEY-----",
    lambda n: f"AKIACANARY{n:010}",
    lambda n: f"ghp_{n:036}",
    lambda n: f"xoxb-{n:012}-canary",
    lambda n: f"AIza{n:035}",
    lambda n: f"sk-{n:024}",
    lambda n: f"postgres://canary:pw{n}@db.example/x",
    lambda n: f"Bearer canary{n}canary{n}",
)
"""One form for each class that the detectors know: functions of a number of five digits."""


class Canaries:
    """Source of canaries of all forms in turn."""

    def __init__(self):
        self._numbers = itertools.count(10_000)
        self.made = []

    def __call__(self):
        number = next(self._numbers)
        self.made.append(FORMS[number % len(FORMS)](number))
        return self.made[-1]

    def in_text(self, text):
        """Return the canaries in a text, whose line ends may be escaped."""
        cores = (max(each.split("\n"), key=lambda line: "MIICANARY" in line) for each in self.made)
        return [core for core in cores if core in text]


def text_fields(message, depth=DEPTH):
    """Yield the path of each field of texts and bytes in a message and in those in it."""
    for field in message.fields:
        inner = field.message_type
        if inner is None:
            if field.type in TEXTS:
                yield (field.name,)
        elif inner.GetOptions().map_entry:
            yield from ((field.name, part) for part in ("key", "value"))
        elif depth:
            yield from ((field.name, *rest) for rest in text_fields(inner, depth - 1))


def put(message, path, canary):
    """Set the field at a path, in the first element of repeated messages."""
    for name in path[:-1]:
        field = message.DESCRIPTOR.fields_by_name[name]
        inner = getattr(message, name)
        if field.message_type.GetOptions().map_entry:
            inner[canary if path[-1] == "key" else "note"] = canary
            return
        if field.is_repeated:
            inner = inner[0] if len(inner) else inner.add()
        message = inner
    field = message.DESCRIPTOR.fields_by_name[path[-1]]
    value = canary.encode() if field.type == FieldDescriptor.TYPE_BYTES else canary
    if field.is_repeated:
        getattr(message, path[-1]).append(value)
    else:
        setattr(message, path[-1], value)
