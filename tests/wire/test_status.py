from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import ErrorReason
from mlsdm_grpc.wire.status import (
    CODE_NAMES,
    CODES,
    DOMAIN,
    INTERNAL_MESSAGE,
    MAX_DETAILS_BYTES,
    MAX_VIOLATIONS,
    from_status,
    to_status,
)

REASONS = {name.removeprefix("ERROR_REASON_") for name, _ in ErrorReason.items()} - {"UNSPECIFIED"}


def _subclasses(cls):
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)


def _details(status):
    found = {}
    for packed in status_pb2.Status.FromString(status.details).details:
        name = packed.TypeName().rpartition(".")[2]
        assert name not in found, "each kind of detail comes once"
        message = getattr(error_details_pb2, name)()
        assert packed.Unpack(message)
        found[name] = message
    return found


def test_every_error_has_its_code():
    ours = {cls for cls in _subclasses(errors.MlsdmError) if cls.__module__ == errors.__name__}
    assert ours - {errors.ApiStatusError} == set(CODES)
    assert len(set(CODES.values())) == len(CODES)


def test_every_default_reason_is_of_the_contract():
    for cls in CODES:
        assert cls.reason in REASONS, cls


def test_codes_are_those_that_the_contract_names_beside_each_reason():
    proto = Path(__file__).parents[2] / "proto/mlsdm/v1/error_reason.proto"
    comments = re.findall(r"  // ([A-Z_]+)\. [^=]*?ERROR_REASON_(\w+) = \d+;", proto.read_text())
    codes = {reason: code for code, reason in comments}
    assert set(codes) == REASONS
    for cls, number in CODES.items():
        assert codes[cls.reason] == CODE_NAMES[number]


@pytest.mark.parametrize("cls", CODES, ids=lambda cls: cls.__name__)
def test_every_status_has_error_info_and_the_request_id(cls):
    status = to_status(cls("Text."), "id-1")
    details = _details(status)
    assert status.code == CODES[cls]
    assert details["ErrorInfo"].domain == DOMAIN
    assert details["ErrorInfo"].reason == cls.reason
    assert details["RequestInfo"].request_id == "id-1"
    packed = status_pb2.Status.FromString(status.details)
    assert (packed.code, packed.message) == (status.code, status.message)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
word = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True)
transported = [cls for cls in CODES if cls is not errors.InternalError]


@given(
    cls=st.sampled_from(transported),
    message=text,
    reason=st.sampled_from(sorted(REASONS)),
    metadata=st.dictionaries(word, text, max_size=5),
    retry_ms=st.none() | st.integers(0, 10**7),
    violations=st.lists(st.builds(errors.FieldViolation, text, text), max_size=MAX_VIOLATIONS),
)
def test_the_client_raises_what_the_server_raised(
    cls, message, reason, metadata, retry_ms, violations
):
    arguments = {"reason": reason, "metadata": metadata}
    if cls is errors.InvalidInput:
        arguments["violations"] = violations
    else:
        arguments["retry_after_s"] = None if retry_ms is None else retry_ms / 1_000
    sent = cls(message, **arguments)
    status = to_status(sent, "id")
    got = from_status(status.code, status.message, status.details)
    assert type(got) is cls
    assert vars(got) == vars(sent)


@given(
    cls=st.sampled_from(list(CODES)),
    message=st.text(max_size=3_000),
    reason=st.text(max_size=200),
    metadata=st.dictionaries(st.text(max_size=200), st.text(max_size=2_000), max_size=40),
    request_id=st.text(max_size=300),
    violations=st.lists(
        st.builds(errors.FieldViolation, st.text(max_size=500), st.text(max_size=3_000)),
        max_size=40,
    ),
)
def test_no_error_makes_a_status_too_large_or_none_at_all(
    cls, message, reason, metadata, request_id, violations
):
    arguments = {"reason": reason, "metadata": metadata}
    if cls is errors.InvalidInput:
        arguments["violations"] = violations
    status = to_status(cls(message, **arguments), request_id)
    assert len(status.details) <= MAX_DETAILS_BYTES
    status.message.encode()
    got = from_status(status.code, status.message, status.details)
    assert type(got) is cls


def test_the_worst_case_keeps_class_and_reason():
    wide = "\U0001f600" * 10_000
    error = errors.InvalidInput(
        wide,
        reason="PAGE_TOKEN_INVALID",
        metadata={f"key_{number}": wide for number in range(100)},
        violations=[errors.FieldViolation(wide, wide)] * 100,
    )
    status = to_status(error, wide)
    assert len(status.details) <= MAX_DETAILS_BYTES
    got = from_status(status.code, status.message, status.details)
    assert isinstance(got, errors.InvalidInput)
    assert got.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    "error", [ValueError("secret"), errors.InternalError("secret"), KeyError()]
)
def test_a_defect_has_a_fixed_text(error):
    status = to_status(error, "id-1")
    assert (status.code, status.message) == (13, INTERNAL_MESSAGE)
    assert b"secret" not in status.details
    assert _details(status)["ErrorInfo"].metadata == {"request_id": "id-1"}


def test_a_status_of_somebody_else_raised_in_the_server_is_a_defect():
    assert to_status(errors.ApiStatusError(14, "secret"), "id").code == 13


def test_a_subclass_has_the_code_of_its_class():
    class Special(errors.NotFound):
        reason = "SPACE_NOT_FOUND"

    status = to_status(Special("No."), "id")
    assert status.code == 5
    assert _details(status)["ErrorInfo"].reason == "SPACE_NOT_FOUND"


@pytest.mark.parametrize(
    ("retry_after_s", "pushback_ms"), [(0, 0), (0.25, 250), (0.0004, 0), (-1, 0), (90, 90_000)]
)
def test_waiting_is_said_twice(retry_after_s, pushback_ms):
    status = to_status(errors.Unavailable("Wait.", retry_after_s=retry_after_s), "id")
    assert status.pushback_ms == pushback_ms
    assert _details(status)["RetryInfo"].retry_delay.ToMilliseconds() == pushback_ms


@pytest.mark.parametrize(
    ("left_s", "pushback_ms"), [(10.101, 10_000), (10.099, -1), (5.0, -1), (-1.0, -1)]
)
def test_who_would_wait_beyond_its_deadline_does_not_repeat(left_s, pushback_ms):
    error = errors.Unavailable("Wait.", retry_after_s=10)
    status = to_status(error, "id", left_s=left_s)
    assert status.pushback_ms == pushback_ms
    assert _details(status)["RetryInfo"].retry_delay.ToMilliseconds() == 10_000


def test_what_another_service_failed_at_is_not_repeated_by_the_client_s_library():
    status = to_status(errors.Unavailable("Wait.", retry_after_s=0.1, tried=True), "id")
    assert status.pushback_ms == -1
    assert _details(status)["RetryInfo"].retry_delay.ToMilliseconds() == 100


def test_where_waiting_does_not_help_nothing_says_so():
    status = to_status(errors.Unavailable("Gone."), "id")
    assert status.pushback_ms is None
    assert "RetryInfo" not in _details(status)


def test_a_quota_that_waiting_does_not_refill_forbids_repeats():
    error = errors.QuotaExceeded("Full.", metadata={"quota_id": "spaces", "limit": "10"})
    status = to_status(error, "id")
    details = _details(status)
    assert status.pushback_ms == -1
    assert "RetryInfo" not in details
    (violation,) = details["QuotaFailure"].violations
    assert (violation.subject, violation.description) == ("spaces", "Full.")


def test_a_precondition_names_its_type_and_subject():
    error = errors.PreconditionFailed("Other size.", metadata={"space": "blue", "expected": "384"})
    (violation,) = _details(to_status(error, "id"))["PreconditionFailure"].violations
    assert (violation.type, violation.subject) == ("DIMENSION_MISMATCH", "blue")


@pytest.mark.parametrize(
    ("error", "kind", "name"),
    [
        (errors.NotFound("", metadata={"space": "s", "memory_id": "m"}), "memory", "s/m"),
        (
            errors.NotFound("", reason="SPACE_NOT_FOUND", metadata={"space": "s"}),
            "space",
            "s",
        ),
        (
            errors.NotFound("", reason="BACKUP_NOT_FOUND", metadata={"backup_id": "b"}),
            "backup",
            "b",
        ),
        (
            errors.AlreadyExists("", reason="SPACE_EXISTS", metadata={"space": "s"}),
            "space",
            "s",
        ),
    ],
)
def test_a_resource_is_named(error, kind, name):
    info = _details(to_status(error, "id"))["ResourceInfo"]
    assert (info.resource_type, info.resource_name) == (kind, name)


def test_violations_are_listed_up_to_the_limit():
    violations = [errors.FieldViolation(f"f{number}", "Bad.") for number in range(40)]
    details = _details(to_status(errors.InvalidInput(violations=violations), "id"))
    fields = [each.field for each in details["BadRequest"].field_violations]
    assert fields == [f"f{number}" for number in range(MAX_VIOLATIONS)]


def _foreign(domain):
    status = status_pb2.Status(code=14)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="X", domain=domain))
    return status.SerializeToString()


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (14, b""),
        (14, b"\xff\xff"),
        (14, _foreign("example.com")),
        (2, _foreign(DOMAIN)),
        (1, b""),
    ],
)
def test_a_status_of_somebody_else_keeps_code_and_text(code, details):
    error = from_status(code, "Text.", details)
    assert isinstance(error, errors.ApiStatusError)
    assert (error.code, error.message) == (code, "Text.")


@given(st.binary(max_size=200))
def test_no_details_break_the_client(details):
    assert isinstance(from_status(3, "", details), errors.MlsdmError)
