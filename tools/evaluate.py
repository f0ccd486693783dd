"""Measured rates of the detectors on the corpora of ``tests/data`` and on real text.

A line belongs to the test split if the SHA-256 of its text, read as a big-endian integer, is
divisible by 3. Rules are never changed because of that split.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mlsdm_grpc.governance.detectors.text_passages import LIMIT
from mlsdm_grpc.governance.matching.findings import FindingKind
from mlsdm_grpc.governance.policy.measurement import measure
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.speech import analyse
from tools.realtext.collect import Paragraph, read
from tools.realtext.harmless import harmless_messages
from tools.realtext.hostile import harmless_look_alikes, hostile_lines

DATA = Path(__file__).parents[1] / "tests" / "data"
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
    """Factory of functions that classify a text as positive."""

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
    Corpus("moral", "harmful", {"dev": (0.90, 0.01), "test": (0.66, 0.03)}, _moral),
    Corpus("injection", "injection", {"dev": (0.95, 0.01), "test": (0.76, 0.02)}, _injection),
    Corpus("speech", "telegraphic", {"dev": (0.98, 0.01), "test": (0.97, 0.01)}, _speech),
    Corpus("speech_tuning", "telegraphic", {"dev": (0.90, 0.02), "test": (0.90, 0.02)}, _speech),
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


RULES: dict[str, Callable[[Measurement], bool]] = {
    "moral": lambda found: (found.moral_value or 0.0) < BASE_MORAL_THRESHOLD,
    "injection": lambda found: (found.injection_score or 0.0) >= LIMIT,
    "secret": lambda found: any(f.kind is FindingKind.SECRET for f in found.findings),
    "pii without e-mail and addresses": lambda found: any(
        f.kind is FindingKind.PERSONAL_DATA and f.category not in {"email", "ipv4", "ipv6"}
        for f in found.findings
    ),
}
"""Kinds of rules, and whether one of them is broken at the default threshold."""
ENFORCED = ("moral", "injection", "secret")
"""Kinds with rules that are enforced by default; the others are shadow."""


class Alarm(NamedTuple):
    """Paragraph that breaks a rule, identified by its digest and never by its text."""

    rule: str
    language: str
    package: str
    digest: str


def real_alarms(rows: Iterable[Paragraph]) -> tuple[Counter[str], list[Alarm]]:
    """Return the paragraphs by language, and all alarms."""
    total, alarms = Counter[str](), list[Alarm]()
    with ProcessPoolExecutor(2) as pool:
        rows, again = itertools.tee(rows)
        for row, broken in zip(rows, pool.map(_broken, again, chunksize=200), strict=True):
            total[row.language] += 1
            digest = hashlib.sha256(row.text.encode()).hexdigest()[:16]
            alarms += (Alarm(rule, row.language, row.package, digest) for rule in broken)
    return total, alarms


def _broken(row: Paragraph) -> list[str]:
    return _broken_text(row.text)


def _broken_text(text: str) -> list[str]:
    found = _measured(text)
    return [name for name, breaks in RULES.items() if breaks(found)]


def bounds(alarms: int, total: int) -> str:
    """Return a rate per 10,000 with the 95 % bounds of Wilson's interval."""
    z, rate = 1.96, alarms / total
    middle = (rate + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(rate * (1 - rate) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    low, high = max(middle - half, 0.0), middle + half
    return f"{1e4 * rate:.1f} ({1e4 * low:.1f} to {1e4 * high:.1f})"


def _real_section() -> Iterator[str]:
    total, alarms = real_alarms(read("final"))
    languages = sorted(total)
    yield "## Real text"
    yield ""
    yield f"Alarms per 10,000 paragraphs of the final third, {total.total():,} of them, with 95 %"
    yield "bounds. Every alarm counts as false, even if the paragraph does insult or"
    yield "threaten, or contains a real telephone number in a manual."
    yield ""
    yield "| rule | " + " | ".join(languages) + " |"
    yield "|---|" + "---:|" * len(languages)
    by_rule = {name: [a for a in alarms if a.rule == name] for name in RULES}
    enforced = {each.digest: each for each in alarms if each.rule in ENFORCED}
    by_rule["moral, injection and secret together"] = list(enforced.values())
    for name, broken in by_rule.items():
        counts = Counter(each.language for each in broken)
        cells = (bounds(counts[language], total[language]) for language in languages)
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    lines = hostile_lines("measure")
    hits: dict[str, list[bool]] = defaultdict(list)
    for line in lines:
        rule = "moral" if line.harm else "injection"
        hits[line.corpus].append(RULES[rule](_measured(line.text)))
    messages = list(harmless_messages("measure"))
    with ProcessPoolExecutor(2) as pool:
        refused = Counter(
            itertools.chain.from_iterable(pool.map(_broken_text, messages, chunksize=200))
        )
    yield f"Of {len(messages):,} harmless messages of people who chat, in English, none of which"
    yield (
        "trains, these break a rule: "
        + "; ".join(f"{name} {refused[name]}" for name in RULES)
        + "."
    )
    yield ""
    alike = [(text, _broken_text(text)) for text in harmless_look_alikes()]
    refused = [text for text, broken in alike if not set(ENFORCED).isdisjoint(broken)]
    yield f"Of {len(alike)} harmless look-alikes that the authors of bastion wrote, none of which"
    yield f"trains, {len(refused)} break a rule that is enforced by default."
    yield ""
    yield "Of hostile lines of other authors, most in English, the half that trains nothing: "
    yield "; ".join(f"{name} {sum(v)}/{len(v)}" for name, v in sorted(hits.items())) + "."
    yield ""
    yield "### Alarms"
    yield ""
    yield from (f"- {a.rule}, {a.language}, {a.package}, {a.digest}" for a in sorted(alarms))
    yield ""


def report(corpora: Iterable[Corpus]) -> str:
    lines = [
        "# Measured rates of the detectors",
        "",
        "Written by `make eval`. It fetches packages by name from the package managers of the",
        "machine (tools/realtext/sources.toml; versions and hashes are in packages.json beside",
        "it), reads their paragraphs, and keeps a third, chosen by hash, for this page alone. The",
        "other two thirds train the linear model and set its cuts. The corpora in tests/data are",
        "measured as well; their README files say how they were made and where they are weak. The",
        "test split of each is a third, chosen by the hash of the text; nothing trains on it, but",
        "earlier versions of this page and of the rules were read by their authors, so it is not",
        "quite unseen. The rates of the final third were read twice while an earlier model was",
        "made; the cuts are set on other paragraphs. Expect less on texts unlike these.",
        "",
        "The goal for a rule that is enforced by default is one alarm in 10,000 paragraphs of each",
        "language, and three for all of them together. The rules of personal data are shadow by",
        "default. The goal is not met by moral and injection: where the difference matters, shadow",
        "them.",
        "",
        *_real_section(),
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
