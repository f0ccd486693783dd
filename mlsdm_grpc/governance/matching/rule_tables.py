"""Rules and word tables of a detector, read from ``data/<name>/``.

``rules.toml`` contains the rules and explains their syntax and that of the tables. Each supported
language has a file of its own with its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsdm_grpc.governance.matching.lexicon import Table
from mlsdm_grpc.governance.matching.rule_matcher import Exclusion, PatternRule, RuleMatcher
from mlsdm_grpc.governance.matching.sentence_languages import JUDGED
from mlsdm_grpc.package_data import read_table

__all__ = ["read_exclusions", "read_rule_matcher", "read_rules", "read_word_tables"]


def read_rule_matcher(detector: str) -> RuleMatcher:
    """Return the compiled rules of a detector.

    Args:
        detector: Name of the folder: ``harm`` or ``injection``.

    Cost: tens of milliseconds.
    """
    return RuleMatcher(read_word_tables(detector), read_rules(detector), read_exclusions(detector))


def read_word_tables(detector: str) -> Mapping[str, Table]:
    """Return the words by class name, by language."""
    return {code: _table(detector, code) for code in JUDGED}


def read_rules(detector: str) -> list[PatternRule]:
    """Return the rules in the order of their file."""
    return [
        PatternRule(entry["category"], entry["certainty"], pattern, entry["unless"])
        for entry in _table(detector, "rules")["rules"]
        for pattern in entry["patterns"]
    ]


def read_exclusions(detector: str) -> list[Exclusion]:
    """Return the exclusions in the order of their application."""
    return [Exclusion(**entry) for entry in _table(detector, "rules")["exclusions"]]


def _table(detector: str, name: str) -> dict[str, Any]:
    return read_table("mlsdm_grpc.governance", f"{detector}/{name}")
