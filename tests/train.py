"""Makes the weights of ``governance/detectors/linear_model.py`` from labelled lines.

Run as ``python tests/train.py [--check]``. Examples are the development splits of the corpora of
harm, injection and style, and the lines of ``tests/data/training``; no line of a test split, nor
one that shares half of its words with one, is used. The same examples give the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlsdm_grpc.governance.detectors.linear_model import BUCKETS, FORMAT, LEAST_FEATURES, positions

DATA = Path(__file__).parent / "data"
FILE = Path(__file__).parents[1] / "mlsdm_grpc" / "governance" / "likeness.bin"
EPOCHS = 30
RATE = 0.5
DECAY = 3e-4
SEEN = 3
"""A feature counts that so many examples have."""
NEAR = 0.5
SEED = 20261123


class Example(NamedTuple):
    text: str
    harm: bool | None
    """None where nobody has said."""
    injection: bool | None


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def held_out(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 3 == 0


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def examples() -> list[Example]:
    """Return all examples, sorted."""
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
    return sorted(found)


def near(some: frozenset[str], hidden: list[frozenset[str]]) -> bool:
    """Return whether a line shares half of its words with one of a test split."""
    return any(len(some & other) >= NEAR * len(some | other) for other in hidden)


def digest(found: list[Example]) -> bytes:
    return hashlib.sha256(json.dumps(found, ensure_ascii=True).encode()).digest()


def fit(features: list[np.ndarray], labels: list[bool]) -> tuple[np.ndarray, float]:
    """Return weights and bias of a logistic regression, by AdaGrad."""
    weights, squares = np.zeros(BUCKETS), np.full(BUCKETS, 1e-8)
    bias, square = 0.0, 1e-8
    seen = np.bincount(np.concatenate(features), minlength=BUCKETS) >= SEEN
    shares = [
        (where[seen[where]], 1 / np.sqrt(max(len(where), LEAST_FEATURES))) for where in features
    ]
    order, dice = list(range(len(features))), random.Random(SEED)
    for _ in range(EPOCHS):
        dice.shuffle(order)
        for i in order:
            where, share = shares[i]
            error = 1 / (1 + np.exp(-(bias + weights[where].sum() * share))) - labels[i]
            slope = error * share + DECAY * weights[where]
            squares[where] += slope**2
            weights[where] -= RATE * slope / np.sqrt(squares[where])
            square += error**2
            bias -= RATE * error / np.sqrt(square)
    return weights, float(bias)


def featured(text: str) -> np.ndarray:
    return np.unique(np.array([each for found in positions(text) for each in found], np.int64))


def packed(weights: np.ndarray) -> tuple[float, bytes]:
    """Return scale and weights as signed bytes; what is far out is cut."""
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.999)) / 127
    return scale, np.clip(np.rint(weights / scale), -127, 127).astype(np.int8).tobytes()


def trained(found: list[Example]) -> bytes:
    """Return the file."""
    features = [featured(example.text) for example in found]
    heads, bodies = [], []
    for name in ("harm", "injection"):
        told = [(f, getattr(e, name)) for f, e in zip(features, found, strict=True)]
        told = [(feature, label) for feature, label in told if label is not None]
        weights, bias = fit([each for each, _ in told], [label for _, label in told])
        scale, body = packed(weights)
        heads += [bias, scale]
        bodies.append(body)
    return FORMAT.pack(b"likeness", digest(found), *heads) + b"".join(bodies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    if parser.parse_args().check:
        data = FILE.read_bytes()
        raise SystemExit(FORMAT.unpack_from(data)[1] != digest(examples()))
    FILE.write_bytes(trained(examples()))


if __name__ == "__main__":
    main()
