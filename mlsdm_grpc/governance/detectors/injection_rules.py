"""Rules for attempts to change, uncover or override what a model was told."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.rule_matcher import Exclusion, PatternRule

__all__ = ["EXCLUSIONS", "RULES"]


def _rules(category: str, certainty: float, *patterns: str) -> list[PatternRule]:
    return [PatternRule(category, certainty, pattern, "ABOUT") for pattern in patterns]


RULES: Final = (
    *_rules(
        "instruction_override",
        0.95,
        "OVERRIDE 3 PRIOR 4 INSTR",
        "OVERRIDE 4 YOUR 3 INSTR",
        "OVERRIDE 3 INSTR 4 PRIOR",
        "OVERRIDE 3 EVERYTHING",
        "OVERRIDE 4 TOLDYOU",
        "EVERYTHING 4 OVERRIDE",
        "YOUR 3 INSTR 5 OVERRIDE|VOID",
        "PRIOR 3 INSTR 5 OVERRIDE|VOID",
        "INSTR 6 VOID 4 YOUR",
        "INSTR 2 PRIOR 4 VOID",
        "OBEY",
        "OVERRIDE|DISABLE 4 SAFERULES",
        "SAFERULES 4 VOID",
        "OVERRIDE 4 SYSINSTR",
        "SYSINSTR 5 OVERRIDE|VOID",
        "OVERRIDE 4 CRITERIA 4 MODEL|RANKME",
        "MODEL 6 OVERRIDE 4 CRITERIA",
    ),
    *_rules(
        "system_prompt_probe",
        0.9,
        "PROBE 5 YOUR 3 PROMPT",
        "PROBE 5 HIDDEN 3 PROMPT",
        "PROBE 4 PROMPT 2 HIDDEN 2 YOUR",
        "PROBE 6 PROMPT 4 TOLDYOU",
        "YOUR 2 HIDDEN 3 PROMPT",
        "EXACTLY 6 PROMPT|TOLDYOU",
        "PROBE 4 PROMPT 1 SECRETADJ",
        "PROBE 4 SECRETADJ 2 PROMPT",
        "PROBE 4 SYSINSTR",
        "PROMPT|TOLDYOU 8 EXACTLY",
        "HIDDEN 2 PROMPT 5 TOLDYOU|YOUR",
        "PROBE 8 TOLDYOU",
        "TOLDYOU 8 PROBE",
        "YOUR 2 PROMPT 8 PROBE",
        "HIDDEN PROMPT 8 PROBE",
    ),
    *_rules(
        "role_hijack",
        0.9,
        "ROLE 8 FREE",
        "YOUR 4 FREE",
        "MODEL 6 FREE",
        "FREE 6 MODEL",
        "ROLE 6 INSTR 4 VOID",
        "ROLE 6 NOQ 3 LIMITS",
        "MODEL 6 NOQ 3 LIMITS",
        "YOUR 3 NOQ 3 LIMITS",
        "NOQ 3 LIMITS 5 MODEL",
        "ROLE 5 LIMITS 4 NOQ",
        "MODEL 5 LIMITS 4 NOQ",
    ),
    *_rules(
        "jailbreak",
        0.9,
        "ENABLE 4 JAIL",
        "JAIL 4 VOID|ENABLE",
        "JAIL 6 YOUR",
        "DISABLE 3 YOUR 3 SAFETY",
        "DISABLE 4 SAFETY 5 MODEL",
        "YOUR 4 SAFETY 6 DISABLE|VOID",
        "STRICT 4 DISABLE|VOID",
        "DISABLE 3 STRICT",
        "SAFETY 4 DISABLE|VOID 6 SESSION",
        "SESSION 6 SAFETY 4 DISABLE|VOID",
        "DISABLE|OVERRIDE 2 safety|ethical|ethics|content INSTR|SAFETY",
        "ENABLE 6 DISABLE 4 SAFETY",
        "NOREFUSE",
        "REFUSE 5 SHUTDOWN",
        "SHUTDOWN 5 REFUSE",
        "sudo 2 DISABLE|JAIL|OVERRIDE",
        "HYPO 10 NOREFUSE|FREE",
        "HYPO 9 HARMFUL",
        "FREEFORM 1 REPLY",
        "REPLY 5 FREEFORM",
    ),
    *_rules(
        "indirect",
        0.9,
        "MODEL 4 READS 6 DEMAND",
        "READS 5 MODEL 5 DEMAND",
        "MODEL 8 HIDEFROM",
        "READS 8 HIDEFROM",
        "READS 8 DEMAND",
        "DEMAND 8 HIDEFROM",
        "MODEL 10 RANKME",
        "NOTE 2 AISTRICT",
        "COND 1 YOUR 3 AISTRICT",
        "AIWORD 4 READV 6 DEMAND|HIDEFROM|RANKME",
        "READV 4 AIWORD 6 DEMAND|HIDEFROM|RANKME",
        "ADDRESS 3 AIWORD 7 DEMAND|HIDEFROM|RANKME|OVERRIDE",
        "READS 10 RANKME",
    ),
    *_rules(
        "exfiltration",
        0.9,
        "SENDOUT 5 SECRETS 5 AWAY",
        "SENDOUT 5 AWAY 5 SECRETS",
        "SECRETS 6 SENDOUT 4 AWAY",
        "SENDOUT 5 SECRETS 5 HIDEFROM",
        "SECRETS 6 AWAY 4 SENDOUT",
        "DESTROY 9 HIDEFROM",
        "TAKE 5 ASSET 5 HIDEFROM",
        "SENDOUT 8 HIDEFROM",
        "SENDOUT 4 STRONG 6 AWAY",
        "STRONG 4 SENDOUT 6 AWAY",
    ),
    *(
        PatternRule("exfiltration", 0.8, pattern, "ABOUT HOWDEV")
        for pattern in (
            "TAKE 6 USEROWN 3 ASSET",
            "TAKE 7 ASSET 2 USEROWN",
            "USEROWN 3 ASSET 5 TAKE",
            "PROBE|SENDOUT|TAKE 10 OTHERUSER",
            "PROBE|SENDOUT|TAKE 8 DATASET",
            "DATASET 8 PROBE|SENDOUT|TAKE",
            "TAKE 2 PASSWD 6 TOME",
            "PROBE 3 KEYS",
            "PROBE 3 STRONG 6 AWAY|OTHERUSER|USEROWN",
            "STRONG 3 AWAY",
            "TOOLUSE 5 TAKE|SENDOUT 5 ASSET|SECRETS",
            "TOOLUSE 5 ASSET|SECRETS 5 TAKE|SENDOUT",
        )
    ),
    *_rules(
        "obfuscated",
        0.8,
        "DECODE 8 EXECUTE",
        "EXECUTE 8 DECODE",
    ),
)

EXCLUSIONS: Final = (
    Exclusion("OVERRIDE PRIOR", "MINE", before=1, after=3),
    Exclusion("STRONG ASSET KEYS", "MINE", before=2),
    Exclusion(
        "INSTR SAFETY STRICT SAFERULES JAIL ENABLE DISABLE FREE PROMPT NOQ AIWORD STRONG KEYS"
        " SYSINSTR",
        "THING",
        before=6,
        after=6,
    ),
)
