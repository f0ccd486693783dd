"""Makes the weights of ``governance/detectors/linear_model.py``.

Run as ``python -m tools.train [--check]``. Examples are the development splits of the corpora of
harm, injection and style, the lines of ``tests/data/training``, hostile lines of other authors and
the working two thirds of the paragraphs of ``tools/realtext``, which has to be collected first. No
line of a test split, nor one that shares half of its words with one, is used. A fifth of the
paragraphs sets the cut and the slope of the scores and trains nothing.
"""

from __future__ import annotations

import argparse
import base64
import codecs
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from mlsdm_grpc.governance.detectors.harm import harm_evidence
from mlsdm_grpc.governance.detectors.injection import injection_evidence
from mlsdm_grpc.governance.detectors.linear_model import (
    BUCKETS,
    EVIDENCE,
    FORMAT,
    HEAD,
    LEAST_FEATURES,
    evidence_ids,
)
from mlsdm_grpc.governance.detectors.text_passages import (
    ReadText,
    RuleEvidence,
    match_surroundings,
)
from mlsdm_grpc.governance.detectors.word_features import Passage
from mlsdm_grpc.governance.matching.sentence_languages import JUDGED
from tools.kinds import framed_lines
from tools.realtext.collect import LISTED, read
from tools.realtext.harmless import harmless_messages
from tools.realtext.hostile import hostile_lines

DATA = Path(__file__).parents[1] / "tests" / "data"
FILE = Path(__file__).parents[1] / "mlsdm_grpc/governance/data/linear_model.bin"
ITERATIONS = 80
DECAY = 0.3
"""Weight decay of word, letter and rule weights."""
PUSH = 2.0
"""The loss of harmless texts is exponential with this factor: only those with the highest scores
decide about the cut, so these have to be low."""
LINE_WEIGHT = 3.0
"""Weight of a labelled line with matches of rules; a paragraph counts 1."""
BARE_WEIGHT = 1.5
"""Weight of a labelled line without."""
CALIBRATION = 5
"""One paragraph in so many calibrates."""
ALARMS = 1e-4
"""Share of the passages of a language that lie above its cut; some of them are hostile."""
TAIL = (1e-2, 1e-3)
"""Shares from whose logits the cut is extrapolated: a tail that falls exponentially is a line."""
MOST_WINDOWS = 3
NEAR = 0.5
BEHIND_CODE = (
    *("instruction_override", "system_prompt_probe", "role_hijack", "jailbreak"),
    *("exfiltration", "indirect", "invisible"),
)
CODE_WEIGHT = 2.0
"""Added to the weights of attacks behind code, which no paragraph holds and few examples."""


class Example(NamedTuple):
    text: str
    harm: bool | None
    """Label; None if unknown."""
    injection: bool | None


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def held_out(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 3 == 0


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


@cache
def examples() -> list[Example]:
    """Return all labelled lines of this repository that train, sorted."""
    known = {name: rows(DATA / name / "lines.jsonl") for name in ("moral", "injection", "speech")}
    hidden = [
        words(row["text"]) for found in known.values() for row in found if held_out(row["text"])
    ]
    developed = {
        name: [row for row in found if not held_out(row["text"])] for name, found in known.items()
    }
    for name in ("moral", "injection"):
        more = rows(DATA / "training" / f"{name}.jsonl")
        developed[name] += [row for row in more if not near(words(row["text"]), hidden)]
    found = [
        Example(row["text"], row["label"] == "harmful", injection=False)
        for row in developed["moral"]
    ]
    for row in developed["injection"]:
        attack = row["label"] == "injection"
        found.append(Example(row["text"], None if attack else False, attack))
    found += [
        Example(row["text"], harm=False, injection=False)
        for row in developed["speech"]
        if row["label"] == "normal"
    ]
    found += [
        Example(row["text"], harm=False, injection=False)
        for row in rows(DATA / "training" / "harmless.jsonl")
    ]
    for line in framed_lines():
        if not near(words(line.text), hidden):
            attack = line.label == "injection"
            found.append(Example(line.text, None if attack else line.label == "harm", attack))
    return sorted(set(found), key=str)


def near(some: frozenset[str], hidden: list[frozenset[str]]) -> bool:
    """Return whether a line shares half of its words with a line of a test split."""
    most = len(some) / NEAR
    for other in hidden:
        # Half of the words of both is possible only for lines of similar length.
        if NEAR * len(some) <= len(other) <= most:
            shared = len(some & other)
            if shared >= NEAR * (len(some) + len(other) - shared):
                return True
    return False


def digest(found: list[Example]) -> bytes:
    """Return the digest of the labelled lines and of the list of packages."""
    listed = json.loads(LISTED.read_text("utf-8"))
    return hashlib.sha256(json.dumps([found, listed], ensure_ascii=True).encode()).digest()


class Row(NamedTuple):
    """The features of one window of a text."""

    words: np.ndarray
    harm: list[int]
    injection: list[int]
    language: int
    surrounds: bool = False
    """True for what stands around a match: it trains, and sets no cut."""


def featured(text: str) -> list[Row]:
    """Return the features of the first windows of a text."""
    known = ReadText(text)
    harm, injection = harm_evidence(known), injection_evidence(known)
    return [
        Row(
            _sorted(window),
            _ids(harm, start, end),
            _ids(injection, start, end),
            window.language,
        )
        for window, start, end in known.windows[:MOST_WINDOWS]
    ]


def featured_paragraph(text: str) -> list[Row]:
    """Return the features of the first windows of a text and of what stands around its matches."""
    known, found = ReadText(text), featured(text)
    for passage, inside in match_surroundings(known, harm_evidence(known)):
        ids = _ids(inside, 0, len(text))
        found.append(Row(_sorted(passage), ids, [], passage.language, surrounds=True))
    for passage, inside in match_surroundings(known, injection_evidence(known)):
        ids = _ids(inside, 0, len(text))
        found.append(Row(_sorted(passage), [], ids, passage.language, surrounds=True))
    return found


def _sorted(passage: Passage) -> np.ndarray:
    return passage.buckets.astype(np.int32)


def _ids(evidence: Sequence[RuleEvidence], start: int, end: int) -> list[int]:
    inside = [each for each in evidence if each.start < end and each.end > start]
    return sorted({n for e in inside for n in evidence_ids(e.category, e.rule, e.language)})


class Table(NamedTuple):
    """All windows of all texts."""

    rows: list[Row]
    text: np.ndarray
    """Number of the text of each row."""
    harm: np.ndarray
    """Label of each text: 1, 0, or -1 if unknown."""
    injection: np.ndarray
    real: np.ndarray
    """True for each text that is a paragraph of a package."""
    calibrates: np.ndarray


def table(limit: int) -> Table:
    """Return the windows of all labelled lines and of the given number of paragraphs."""
    found = [("working", row.text) for row in read("working")]
    found += [(name, row.text) for name in ("prose", "short") for row in read(name)]
    found += [("chat", text) for text in harmless_messages("train")]
    found = found[:: max(len(found) // limit, 1)]
    with ProcessPoolExecutor(2) as pool:
        rows_of = list(pool.map(featured_paragraph, [text for _, text in found], chunksize=200))
    return joined(found, rows_of)


def joined(paragraphs: list[tuple[str, str]], features: list[list[Row]]) -> Table:
    """Return paragraphs, each with its split, together with all labelled lines.

    Each labelled line stands there twice, with and without its matches of rules: rules have seen
    such lines, so that their matches are too good on them.
    """
    lines = [*examples(), *(line.labelled for line in hostile_lines("train"))]
    lines += hidden_copies(lines)
    of_lines = [featured(text) for text, _, _ in lines]
    of_lines = [
        [*rows, *(Row(row.words, [], [], row.language) for row in rows)] for rows in of_lines
    ]
    found = [*lines, *((text, False, False) for _, text in paragraphs)]
    real = np.arange(len(found)) >= len(lines)
    measures = np.array([False] * len(lines) + [split == "working" for split, _ in paragraphs])
    hashes = np.array([hashlib.sha256(text.encode()).digest()[0] for text, _, _ in found])
    every = [*of_lines, *features]
    return Table(
        [row for each in every for row in each],
        np.array([n for n, each in enumerate(every) for _ in each]),
        np.array([-1 if harm is None else int(harm) for _, harm, _ in found]),
        np.array([-1 if injection is None else int(injection) for _, _, injection in found]),
        real,
        measures & (hashes % CALIBRATION == 0),
    )


def hidden_copies(lines: Sequence[tuple[str, bool | None, bool | None]]) -> list[Example]:
    """Return some lines once more, hidden as attackers hide them; harmless ones as well."""
    found = []
    for text, harm, injection in lines:
        ways = hashlib.sha256(text.encode()).digest()[2]
        if len(text) < LONGEST_HIDDEN and ways < len(HIDING) * HIDDEN_OF_256:
            found.append(Example(HIDING[ways % len(HIDING)](text), harm, injection))
    return found


HIDDEN_OF_256 = 6
LONGEST_HIDDEN = 160
HIDING: Sequence[Callable[[str], str]] = (
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: "Decode: " + base64.b64encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
    lambda text: text.translate(str.maketrans("aeiosAEIOS", "4310543105")),
    lambda text: " ".join(text.replace(" ", "  ")),
    "\u200b".join,
    lambda text: text.translate(str.maketrans("aeopcx", "аеорсх")),
    str.upper,
)


class Fitted(NamedTuple):
    bias: float
    weights: np.ndarray
    evidence: np.ndarray


def fit(known: Table, name: str) -> tuple[Fitted, np.ndarray]:
    """Return the weights, and the logits of all rows.

    The loss is logistic for hostile lines, see ``PUSH`` for the others.
    Source: C. Rudin, The P-Norm Push, 2009.
    """
    from scipy import sparse
    from scipy.optimize import minimize

    sizes = np.array([len(row.words) for row in known.rows])
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, LEAST_FEATURES)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    of_words = sparse.csr_matrix(
        (values, np.concatenate([row.words for row in known.rows]), starts),
        shape=(len(sizes), BUCKETS),
    )
    ids: list[list[int]] = [getattr(row, name) for row in known.rows]
    of_rules = sparse.csr_matrix(
        (
            np.ones(sum(map(len, ids))),
            np.array([each for row in ids for each in row], np.int32),
            np.concatenate([[0], np.cumsum([len(row) for row in ids])]),
        ),
        shape=(len(sizes), EVIDENCE),
    )
    matrix = sparse.hstack([of_words, of_rules], format="csr")
    labels = getattr(known, name)[known.text]
    taken = np.flatnonzero((labels >= 0) & ~known.calibrates[known.text])
    bare = np.array([not row.harm and not row.injection for row in known.rows])
    of_line = np.where(bare, BARE_WEIGHT, LINE_WEIGHT)
    weight = np.where(known.real[known.text], 1.0, of_line)[taken]
    part, label = matrix[taken], labels[taken].astype(float)
    turned = part.T.tocsr()

    harmless = label == 0

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logits = part @ at[:-1] + at[-1]
        value = weight * (np.logaddexp(0, logits) - label * logits)
        error = weight * (1 / (1 + np.exp(-logits)) - label)
        pushed = weight[harmless] * np.exp(np.minimum(PUSH * logits[harmless], 30))
        value[harmless], error[harmless] = pushed / PUSH, pushed
        slope = np.append(turned @ error + DECAY * at[:-1], error.sum())
        return float(value.sum() + DECAY / 2 * (at[:-1] @ at[:-1])), slope

    found = minimize(
        loss,
        np.zeros(matrix.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS},
    ).x
    fitted = Fitted(float(found[-1]), found[:BUCKETS], found[BUCKETS:-1])
    return fitted, matrix @ found[:-1] + found[-1]


class Calibration(NamedTuple):
    slope: float
    cuts: list[float]
    """Cut of each language; the last one is the highest."""


def calibrated(known: Table, name: str, logits: np.ndarray) -> Calibration:
    """Return the cut of each language, and the slope of Platt's logistic curve through them."""
    language = np.array([row.language for row in known.rows])
    windows = ~np.array([row.surrounds for row in known.rows])
    apart = known.calibrates[known.text] & windows
    cuts = [cut_of(logits[apart & (language == number)]) for number in range(len(JUDGED))]
    cuts.append(max(cuts))
    above = logits - np.array(cuts)[language]
    highest = np.full(len(known.real), -np.inf)
    np.maximum.at(highest, known.text, above)
    hostile = highest[~known.real & (getattr(known, name) == 1)]

    def badness(slope: float) -> float:
        missed = np.logaddexp(0, -slope * hostile).mean()
        return float(missed + np.logaddexp(0, slope * highest[known.calibrates]).mean())

    return Calibration(float(min(np.linspace(0.5, 3, 26), key=badness)), cuts)


def cut_of(logits: np.ndarray) -> float:
    """Return the logit that the share ``ALARMS`` lies above."""
    often, seldom = np.quantile(logits, [1 - share for share in TAIL])
    return float(seldom + (seldom - often) * np.log10(TAIL[1] / ALARMS))


def packed(weights: np.ndarray) -> tuple[float, bytes]:
    """Return scale and weights as signed bytes; outliers are clipped."""
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9995)) / 127
    return scale, np.clip(np.rint(weights / scale), -127, 127).astype(np.int8).tobytes()


def trained(known: Table, say: Callable[[str], None]) -> bytes:
    """Return the file."""
    body = b""
    for name in ("harm", "injection"):
        fitted, logits = fit(known, name)
        calibration = calibrated(known, name, logits)
        say(f"{name}: {calibration}")
        body += head(fitted, calibration)
    return FORMAT.pack(b"linear03", digest(examples())) + body


def head(fitted: Fitted, calibration: Calibration) -> bytes:
    """Return one head of the file."""
    evidence = fitted.evidence.copy()
    for category in BEHIND_CODE:
        evidence[crc32(f"obfuscated|{category}".encode()) % EVIDENCE] += CODE_WEIGHT
    scale, weights = packed(fitted.weights)
    start = HEAD.pack(fitted.bias, scale, calibration.slope, *calibration.cuts)
    return start + weights + evidence.astype("<f4").tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    parser.add_argument("--paragraphs", type=int, default=1_000_000, help="read no more than these")
    arguments = parser.parse_args()
    if arguments.check:
        raise SystemExit(FORMAT.unpack_from(FILE.read_bytes())[1] != digest(examples()))
    FILE.write_bytes(trained(table(arguments.paragraphs), print))


if __name__ == "__main__":
    main()
