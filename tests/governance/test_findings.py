from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind, merged, redact


def finding(start: int, end: int, kind: FindingKind = FindingKind.SECRET, category: str = "jwt"):
    return Finding(kind, category, start, end, 1.0)


def test_the_kinds_have_the_numbers_of_the_api():
    for kind in FindingKind:
        assert governance_pb2.FindingKind.Value(f"FINDING_KIND_{kind.name}") == kind


def test_places_are_replaced_by_their_category():
    mail = finding(3, 8, FindingKind.PERSONAL_DATA, "email")
    assert redact("to a@b.c or key", [finding(12, 15), mail]) == "to [email] or [jwt]"


def test_overlapping_places_become_one():
    assert redact("0123456789", [finding(2, 5), finding(4, 8, category="pem")]) == "01[jwt]89"
    assert redact("0123456789", [finding(2, 5), finding(2, 9, category="pem")]) == "01[pem]9"
    assert (
        redact("0123456789", [finding(2, 5), finding(5, 6, category="pem")]) == "01[jwt][pem]6789"
    )


def test_other_kinds_stay():
    harm = finding(0, 4, FindingKind.HARM, "violence")
    assert redact("kill", [harm, finding(0, 4, FindingKind.INJECTION, "jailbreak")]) == "kill"


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 20)), max_size=8),
)
def test_nothing_of_a_place_is_left(text: str, spans: list[tuple[int, int]]):
    places = [
        finding(start, min(start + size, len(text))) for start, size in spans if start < len(text)
    ]
    covered = {i for place in places for i in range(place.start, place.end)}
    kept = "".join(each for i, each in enumerate(text) if i not in covered)
    assert redact(text, places).replace("[jwt]", "") == kept.replace("[jwt]", "")


def test_overlapping_places_of_one_category_are_one_finding():
    mail = finding(3, 8, FindingKind.PERSONAL_DATA, "email")
    weak, wide = finding(0, 9), Finding(FindingKind.SECRET, "jwt", 2, 12, 0.5)
    assert merged([weak, weak, wide, mail]) == [finding(0, 12), mail]
    assert merged([finding(0, 3), finding(3, 5)]) == [finding(0, 3), finding(3, 5)]
