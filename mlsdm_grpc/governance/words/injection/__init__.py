"""Words of prompt injections by class, a module for each language."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.words.injection import de, en, es, fr, uk

__all__ = ["TABLES"]

TABLES: Final = tuple(each.INJECTION for each in (en, de, fr, es, uk))
