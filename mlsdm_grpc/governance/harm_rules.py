"""Rules for hostile and harmful content, over the classes of ``words``."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.grammar import Exclusion, PatternRule

__all__ = ["EXCLUSIONS", "RULES"]

_TALK: Final = "PREVENT EDU FICTION IDIOM"
_REAL: Final = "PREVENT EDU IDIOM"
"""What speaks against a request for a real thing: a story around it does not."""
_ABUSE: Final = "PREVENT EDU FICTION"


def _rules(category: str, certainty: float, unless: str, *patterns: str) -> list[PatternRule]:
    return [PatternRule(category, certainty, pattern, unless) for pattern in patterns]


RULES: Final = (
    *_rules(
        "violence",
        0.9,
        _TALK + " TECH",
        "WANT 4 KILL|HURT|ATTACK 3 PERSON|YOU",
        "WANT 4 PERSON|YOU 5 KILL|HURT|ATTACK",
        "REQ 6 KILL|HURT|ATTACK 4 PERSON|REL",
        "REQ 5 PERSON|REL 5 KILL|HURT|ATTACK",
        "DESERVE 3 KILL|HURT|DIE",
        "PERSON|YOU 4 DESERVE 4 KILL|HURT|DIE",
        "HOPE 5 YOU|PERSON 5 DIE|KILL|HURT",
        "ATTACK 2 PERSON|YOU",
        "BREAK 3 YOU 2 BODY",
        "WANT 5 BREAK 3 BODY",
        "REQ 6 ATTACK 4 BODY",
        "REQ 6 BREAK 4 BODY",
    ),
    *_rules("violence", 0.95, _ABUSE, "THREAT", "MASS"),
    *_rules(
        "weapons",
        0.95,
        _REAL + " GAME",
        "REQ|CUES 7 WEAPON",
        "WEAPON 9 REQ",
        "BUILD|GET 4 WEAPON",
        "WEAPON 4 BUILD|GET",
        "REQ 5 BUILD 4 GUN",
        "REQ 6 EXPLODE",
        "EXPLODE 5 PERSON",
        "BUILD 5 EXPLODE",
        "GUN 6 UNTRACED",
        "UNTRACED 4 GUN",
        "GET 4 GUN 6 EVADE",
        "GUN 5 ATTACK 4 PERSON",
    ),
    *_rules(
        "hate",
        0.9,
        _ABUSE,
        "GROUP 6 DEHUMAN|INFERIOR|HATEVERB",
        "DEHUMAN 3 GROUP",
        "HATEVERB 4 GROUP",
        "GROUP 4 OUT",
        "OUT 4 GROUP",
        "GROUP 5 DESERVE",
        "INFERIOR 5 GROUP",
    ),
    *_rules("hate", 0.9, "EDU PREVENT", "SLUR", "HATEPHRASE"),
    *_rules(
        "harassment",
        0.85,
        _ABUSE,
        "YOU 5 INSULT",
        "INSULT 3 YOU",
        "INSULT INSULT",
        "REQ|WANT 6 HUMILIATE 4 PERSON|REL",
        "REQ|WANT 4 PERSON|REL 6 HUMILIATE",
        "REQ|WANT 5 MEAN 3 UTTER",
        "MEAN 3 UTTER 6 PERSON|REL",
        "UTTER|HUMILIATE 10 CRY",
        "REQ|WANT 8 CRY",
    ),
    *_rules("harassment", 0.9, _ABUSE, "INSULTING"),
    *_rules(
        "self_harm",
        0.95,
        _ABUSE + " IDIOM",
        "OWNHARM",
        "URGE",
        "REQ 7 SUICIDE",
        "SUICIDE 7 METHOD",
        "METHOD 7 SUICIDE",
        "REQ|CUES 7 EATING 3 EVADE",
        "REQ 4 EATING 6 EVADE",
        "EATING 6 CUES 3 EATING",
        "SELFINJURY 4 CUES|REQ|YOU",
        "REQ|CUES|YOU 6 SELFINJURY",
        "YOU 3 SUICIDE",
        "SUICIDE 8 YOU",
    ),
    *_rules(
        "illegal",
        0.9,
        _REAL,
        "REQ|WANT|CUES 6 DRUGVERB 4 DRUG",
        "REQ|WANT|CUES 5 DRUG 5 DRUGVERB",
        "DRUGVERB 4 DRUG",
        "DRUG 3 DRUGVERB",
        "REQ|WANT 8 CRIME",
        "CRIME 8 EVADE|REQ",
        "EVADE 8 CRIME",
    ),
    *_rules(
        "illegal",
        0.85,
        _TALK + " TECH",
        "REQ|WANT 6 STEAL 4 LOOT",
        "REQ|WANT 5 LOOT 5 STEAL",
        "STEAL 8 EVADE",
        "STEAL 4 LOOT 6 WANT|REQ|EVADE",
        "LOOT 4 STEAL 4 WANT|EVADE",
        "LOOT 5 STEAL 5 EVADE",
    ),
    *_rules(
        "fraud",
        0.9,
        _TALK,
        "REQ|WANT|GET 6 FORGE 4 DOCUMENT",
        "REQ|WANT|GET 5 DOCUMENT 5 FORGE",
        "FORGE 4 DOCUMENT 6 EVADE|GET|VICTIM|REQ",
        "DOCUMENT 2 FORGE 6 GET|EVADE",
        "REQ|WANT 8 PHISH",
        "PHISH 10 REQ|CUES",
        "DECEIVE 4 VICTIM 6 DOCUMENT|VICTIM|PAYME",
        "REQ 6 DECEIVE 4 VICTIM",
        "REQ 4 VICTIM 6 DECEIVE",
        "POSE 10 PAYME|VICTIM",
        "PAYME|VICTIM 10 POSE",
        "FICTIT 8 PAYME|VICTIM",
        "PAYME|VICTIM 10 FICTIT",
        "REQ|WANT 6 POSE",
    ),
    *_rules("fraud", 0.85, _ABUSE, "SCAMLINE"),
    *_rules(
        "privacy",
        0.9,
        _TALK,
        "SECRETLY 7 SPY",
        "SPY 7 SECRETLY",
        "SPY 5 REL 5 DEVICE",
        "SPY 5 DEVICE 5 REL|SECRETLY|EVADE",
        "SPY 5 REL 5 EVADE",
        "SPY 8 ROOM",
        "ROOM 8 SPY",
        "CAMERA 8 ROOM",
        "ROOM 8 CAMERA",
        "SECRETLY 5 CAMERA",
        "REQ|WANT 8 DOX",
        "DOX 8 PERSON|REL|REQ",
        "EXPOSE 6 REL 4 PRIVATE|DEVICE",
        "EXPOSE 5 PRIVATE|DEVICE 5 REL|PERSON",
        "REQ|EXPOSE|WANT 8 LOCATE",
        "LOCATE 8 REQ|WANT|EXPOSE|SECRETLY|EVADE",
        "DOX|SPY 7 OTHERS",
    ),
)

EXCLUSIONS: Final = (
    Exclusion("KILL HURT ATTACK STEAL CRIME DIE EXPLODE", "TECH", before=3, after=4),
    Exclusion("KILL HURT ATTACK STEAL CRIME DIE WEAPON GUN EXPLODE", "IDIOM", before=3, after=4),
    Exclusion(
        "KILL HURT ATTACK BREAK HATEVERB THREAT URGE INSULT INSULTING INFERIOR HUMILIATE STEAL"
        " DECEIVE SELFINJURY FORGE",
        "NOT",
        before=3,
    ),
    Exclusion("SPY EVADE SECRETLY EXPOSE LOCATE", "SURPRISE", before=8, after=6),
)
