"""What the detectors are worth: true and false positives on the corpora of ``tests/data``.

A line belongs to the test split if the SHA-256 of its text, read as a big-endian integer, is
divisible by 3. Rules are never changed because of that split.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mlsdm_grpc.governance.detectors.injection import LIMIT
from mlsdm_grpc.governance.policy.measurement import measure
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.speech import analyse

DATA = Path(__file__).parent / "data"
REPORT = Path(__file__).parent.parent / "docs" / "evaluation.md"
BASE_MORAL_THRESHOLD = 0.5

Split = Literal["dev", "test"]


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    positive: bool
    category: str
    language: str

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def split(self) -> Split:
        return "test" if int.from_bytes(self.digest, "big") % 3 == 0 else "dev"


@dataclass(frozen=True, slots=True)
class Corpus:
    name: str
    positive_label: str
    bars: dict[Split, tuple[float, float]]
    """The lowest rate of true positives and the highest of false ones."""
    judge: Callable[[], Callable[[str], bool]]
    """Makes what says whether a text is positive."""

    def lines(self, splits: Iterable[Split]) -> list[Line]:
        rows = (DATA / self.name / "lines.jsonl").read_text("utf-8").splitlines()
        lines = (
            Line(row["text"], row["label"] == self.positive_label, row["category"], row["language"])
            for row in map(json.loads, rows)
        )
        return [line for line in lines if line.split in splits]


class Rates(NamedTuple):
    hits: int
    positives: int
    alarms: int
    negatives: int

    @property
    def tpr(self) -> float:
        return self.hits / self.positives if self.positives else 1.0

    @property
    def fpr(self) -> float:
        return self.alarms / self.negatives if self.negatives else 0.0


class Judged(NamedTuple):
    line: Line
    said: bool


def _moral() -> Callable[[str], bool]:
    return lambda text: _measured(text).moral_value < BASE_MORAL_THRESHOLD


def _injection() -> Callable[[str], bool]:
    return lambda text: _measured(text).injection_score >= LIMIT


def _measured(text: str) -> Measurement:
    return measure(text, Stage.PROMPT, rules=(), whole=True)


def _speech() -> Callable[[str], bool]:
    return lambda text: bool(analyse(text).is_aphasic)


CORPORA = (
    Corpus("moral", "harmful", {"dev": (0.90, 0.01), "test": (0.60, 0.02)}, _moral),
    Corpus("injection", "injection", {"dev": (0.95, 0.01), "test": (0.68, 0.06)}, _injection),
    Corpus("speech", "telegraphic", {"dev": (0.98, 0.02), "test": (0.95, 0.05)}, _speech),
    Corpus("speech_tuning", "telegraphic", {"dev": (0.88, 0.05), "test": (0.88, 0.05)}, _speech),
)


def judge(corpus: Corpus, splits: Iterable[Split]) -> list[Judged]:
    verdict = corpus.judge()
    return [Judged(line, verdict(line.text)) for line in corpus.lines(splits)]


def rates(judged: Iterable[Judged]) -> Rates:
    rows = list(judged)
    return Rates(
        sum(row.said for row in rows if row.line.positive),
        sum(row.line.positive for row in rows),
        sum(row.said for row in rows if not row.line.positive),
        sum(not row.line.positive for row in rows),
    )


def _table(judged: list[Judged]) -> Iterator[str]:
    groups: dict[tuple[str, str, Split], list[Judged]] = defaultdict(list)
    for row in judged:
        for kind, name in (("", "all"), ("c", row.line.category), ("l", row.line.language)):
            groups[kind, name, row.line.split].append(row)
    yield "| | split | true positives | rate | false positives | rate |"
    yield "|---|---|---:|---:|---:|---:|"
    for (_, name, split), rows in sorted(groups.items()):
        found = rates(rows)
        tpr = f"{found.tpr:.3f}" if found.positives else ""
        fpr = f"{found.fpr:.3f}" if found.negatives else ""
        true = f"{found.hits}/{found.positives}" if found.positives else ""
        false = f"{found.alarms}/{found.negatives}" if found.negatives else ""
        yield f"| {name} | {split} | {true} | {tpr} | {false} | {fpr} |"


def _misses(judged: list[Judged], split: Split) -> Iterator[str]:
    for row in judged:
        if row.line.split == split and row.said != row.line.positive:
            kind = "missed" if row.line.positive else "false alarm"
            text = json.dumps(row.line.text, ensure_ascii=False).replace("`", "'")
            line = row.line
            yield f"- {kind}, {line.category}, {line.language}, {line.digest.hex()[:10]}: `{text}`"


def _section(corpus: Corpus, judged: list[Judged]) -> Iterator[str]:
    yield f"## {corpus.name.capitalize().replace('_', ' ')}"
    yield ""
    for split, (tpr, fpr) in corpus.bars.items():
        found = rates(row for row in judged if row.line.split == split)
        met = "met" if found.tpr >= tpr and found.fpr <= fpr else "NOT MET"
        yield (
            f"- {split}: {met}: true positives {found.tpr:.3f} (at least {tpr:.2f}),"
            f" false positives {found.fpr:.3f} (at most {fpr:.2f})"
        )
    yield ""
    yield from _table(judged)
    for split in ("dev", "test"):
        yield ""
        yield f"### Misses, {split}"
        yield ""
        yield from _misses(judged, split)
    yield ""


def report(corpora: Iterable[Corpus]) -> str:
    lines = [
        "# What the detectors are worth",
        "",
        "Written by `make eval` from the corpora in tests/data, whose README files say how they",
        "were made and where they are weak. Each line is judged alone, with the built-in limits.",
        "The test split is a third, chosen by the hash of the text; no rule was made from its",
        "lines. It is not quite unseen: its rates for injection had been read once, at another",
        "limit, before the limit was set by cross-validation on the other lines, three of its",
        "lines of speech were shown by accident to who wrote those rules, and its rate for speech",
        "(not its lines) was read six times, first when it was 0.946, while those rules were made",
        "from the lines of speech_tuning. Both splits of speech_tuning were in sight: its rates",
        "are what the rules fit. All rates hold for texts like these, which are written to be",
        "recognisable: expect less on others. Of 623 normal sentences that a reviewer made up to",
        "mislead the rules of speech, 56 were called telegraphic.",
        "",
    ]
    for corpus in corpora:
        lines += _section(corpus, judge(corpus, ("dev", "test")))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dev", action="store_true", help="print the dev split only, write nothing"
    )
    arguments = parser.parse_args()
    if not arguments.dev:
        text = report(CORPORA)
        REPORT.write_text(text, "utf-8")
        print(*(line for line in text.splitlines() if not line.startswith("- missed")), sep="\n")
        return
    for corpus in CORPORA:
        judged = judge(corpus, ("dev",))
        print(corpus.name, *_table(judged), *_misses(judged, "dev"), sep="\n")


if __name__ == "__main__":
    main()
