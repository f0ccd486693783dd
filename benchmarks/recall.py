"""Recall in conversations: the share of questions that find the turns with their answers.

    python benchmarks/recall.py FOLDER           a folder or zip file, see conversations.py
    python benchmarks/recall.py FOLDER --served  also ask a server
    python benchmarks/recall.py FOLDER --e5      the embedder e5, ten minutes; extra `semantic`;
                                                 with --served, a server with it
    python benchmarks/recall.py FOLDER --tune    choose constants, each conversation left out once

Each turn is one memory. any@k is the share of questions with one of the turns that hold the answer
among the first k, all@k with all of them; questions of all conversations are pooled.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conversations import Context, Conversation, load
from finders import Finder, Hybrid, Lexical, Okapi, PlainIndex, Vectors
from pairs import publish
from ranking import DEPTH, MEASURES, Values, interval, measures
from served import Served, served

from mlsdm_grpc.core.store.fusion import Fusion, fusion_of
from mlsdm_grpc.core.store.lexical_index import Bm25
from mlsdm_grpc.llm.embedders.embedder import embedder_info, load_embedder

CONTEXTS = (Context(), Context(1), Context(1, date=True), Context(2, date=True))
MODES = ("auto", "lexical", "vector")
SHOWN = ("any@1", "any@5", "any@10", "any@20", "all@5", "all@10", "MRR", "nDCG@10")
WITH_INTERVAL = ("any@5", "any@10")
WORDS = Fusion(vector_weight=0.15)
"""Scales of the built-in embedder."""


@dataclass(frozen=True, slots=True)
class Result:
    """Measurements of one search method."""

    values: Values
    """(questions, measures)."""
    query_us: float
    add_us: float
    """CPU of one question and of one turn."""

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over all questions."""
        return float(self.values[:, MEASURES.index(measure)].mean())


def evaluate(finder: Finder, conversations: Sequence[Conversation], context: Context) -> Result:
    """Fill a finder with each conversation and ask it the questions."""
    values: list[Values] = []
    asked_s = filled_s = 0.0
    cpu_s = finder.cpu_s if isinstance(finder, Served) else time.process_time
    for conversation in conversations:
        contexts = conversation.contexts(context)
        began_s = cpu_s()
        finder.fill(conversation.turns, contexts)
        filled_s += cpu_s() - began_s
        began_s = cpu_s()
        ranked = [finder.rank(question.text, DEPTH) for question in conversation.questions]
        asked_s += cpu_s() - began_s
        values += [
            measures(one, question.evidence)
            for one, question in zip(ranked, conversation.questions, strict=True)
        ]
    turns = sum(len(conversation.turns) for conversation in conversations)
    return Result(np.array(values), 1e6 * asked_s / len(values), 1e6 * filled_s / turns)


def sentence_finders() -> list[tuple[Finder, Sequence[Context]]]:
    """Return the finders with the embedder e5, alone and beside the words."""
    embedder = load_embedder("e5")
    vectors = Vectors(
        embedder.embed, lambda texts: embedder.embed(texts, query=True), name="VECTOR, e5"
    )
    info = embedder_info("e5")
    hybrid = Hybrid(
        Lexical(), vectors, WORDS if info is None else fusion_of(info.model_id), name="HYBRID, e5"
    )
    return [(vectors, CONTEXTS[-1:]), (hybrid, CONTEXTS[-1:])]


def finders() -> list[tuple[Finder, Sequence[Context]]]:
    """Return the compared methods with their contexts."""
    vectors = Vectors.of(load_embedder("wordllama"))
    return [
        (Okapi(), CONTEXTS[:1]),
        (PlainIndex(), CONTEXTS[:1]),
        (Lexical(), CONTEXTS),
        (vectors, CONTEXTS),
        (Hybrid(Lexical(), vectors, WORDS), CONTEXTS),
    ]


def report(conversations: Sequence[Conversation]) -> list[str]:
    """Return the table of all finders in this process."""
    return table(conversations, finders())


def report_of_server(conversations: Sequence[Conversation]) -> list[str]:
    """Return the table of all finders, those of a server with its defaults too."""
    with served(MODES) as found:
        asked = [(finder, CONTEXTS) for finder in found]
        return table(conversations, [*finders(), *asked])


def report_of_e5_server(conversations: Sequence[Conversation]) -> list[str]:
    """Return the table of a server with the embedder e5."""
    with served(("auto",), "e5") as found:
        return table(conversations, [(finder, CONTEXTS[-1:]) for finder in found])


def report_with_e5(conversations: Sequence[Conversation]) -> list[str]:
    """Return the table of the finders with the embedder e5."""
    return table(conversations, sentence_finders())


def table(
    conversations: Sequence[Conversation], compared: Sequence[tuple[Finder, Sequence[Context]]]
) -> list[str]:
    """Return a line for each finder and context."""
    questions = sum(len(conversation.questions) for conversation in conversations)
    lines = [
        f"{len(conversations)} conversations, {questions} questions; 95 % intervals by bootstrap",
        "",
        "| | context | " + " | ".join(SHOWN) + " | query us | put us |",
        "|---" * (len(SHOWN) + 4) + "|",
    ]
    for finder, contexts in compared:
        for context in contexts:
            result = evaluate(finder, conversations, context)
            cells = " | ".join(_cell(result, measure) for measure in SHOWN)
            cost = f"{result.query_us:.0f} | {result.add_us:.0f}"
            lines.append(f"| {finder.name} | {context} | {cells} | {cost} |")
    return lines


def _cell(result: Result, measure: str) -> str:
    mean = f"{result.mean(measure):.3f}"
    if measure not in WITH_INTERVAL:
        return mean
    low, high = interval(result.values[:, MEASURES.index(measure)])
    return f"{mean} ({low:.3f}-{high:.3f})"


def tune(conversations: Sequence[Conversation]) -> list[str]:
    """Return the result of the best constants of four fifths of the conversations on the rest."""
    lines = []
    vectors = Vectors.of(load_embedder("wordllama"))
    bm25 = [Bm25(k1=k1, b=b) for k1, b in itertools.product((0.4, 0.6, 0.8, 1.2), (0.2, 0.3, 0.4))]
    weights = [
        Fusion(vector_weight=weight, half_score=half)
        for weight, half in itertools.product((0.1, 0.15, 0.2, 0.25), (10.0, 20.0, 40.0))
    ]
    for context in (CONTEXTS[0], CONTEXTS[-1]):
        lexical = {str(one): Lexical(parameters=one) for one in bm25}
        hybrid = {str(one): Hybrid(Lexical(), vectors, one) for one in weights}
        for name, choices in (("LEXICAL", lexical), ("HYBRID", hybrid)):
            lines += [
                f"{name}, context {context}:",
                *_left_out(choices, conversations, context),
                "",
            ]
    return lines


def _left_out(
    choices: dict[str, Lexical] | dict[str, Hybrid],
    conversations: Sequence[Conversation],
    context: Context,
) -> list[str]:
    """Choose the constants on all conversations but one and evaluate that one, for each of them."""
    results = {
        name: [evaluate(finder, [one], context) for one in conversations]
        for name, finder in choices.items()
    }
    lines, held_out = [], []
    for left_out, conversation in enumerate(conversations):
        others = [i for i in range(len(conversations)) if i != left_out]
        best = max(results, key=lambda name: _quality([results[name][i] for i in others]))
        held_out.append(results[best][left_out])
        lines.append(f"  without {conversation.name}: {best}")
    pooled = np.concatenate([result.values for result in held_out])
    every = {name: np.concatenate([one.values for one in found]) for name, found in results.items()}
    lines.append("  left out: " + _summary(pooled))
    best_first = sorted(every, key=lambda name: -_quality(results[name]))
    return lines + [f"  {_summary(every[name])}  {name}" for name in best_first]


def _quality(results: Sequence[Result]) -> float:
    values = np.concatenate([result.values for result in results]).mean(axis=0)
    return float(values[MEASURES.index("any@5")] + values[MEASURES.index("any@10")])


def _summary(values: Values) -> str:
    means = dict(zip(MEASURES, values.mean(axis=0), strict=True))
    return ", ".join(f"{measure} {means[measure]:.3f}" for measure in SHOWN)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("conversations", type=Path, help="folder or zip file")
    parser.add_argument("--tune", action="store_true", help="choose the constants instead")
    parser.add_argument("--served", action="store_true", help="with a server over the wire")
    parser.add_argument("--e5", action="store_true", help="only the embedder e5, with context")
    parser.add_argument("--write", type=Path, help="file that the table is written to")
    arguments = parser.parse_args()
    made: Callable[[Sequence[Conversation]], list[str]] = report
    for wanted, other in (
        (arguments.tune, tune),
        (arguments.served, report_of_server),
        (arguments.e5, report_of_e5_server if arguments.served else report_with_e5),
    ):
        made = other if wanted else made
    publish(made(load(arguments.conversations)), arguments.write)


if __name__ == "__main__":
    main()
