"""Words of prompt injections by class, a module for each language."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.words.injection import de, en, es, fr, uk

__all__ = ["TABLES"]

TABLES: Final = {
    "en": en.INJECTION,
    "de": de.INJECTION,
    "fr": fr.INJECTION,
    "es": es.INJECTION,
    "uk": uk.INJECTION,
}
