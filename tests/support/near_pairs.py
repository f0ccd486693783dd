"""Memories that differ in one token, with the question for each."""

SHARED = (
    ("The PIN of my card is {}.", "What is the PIN of my card, {}?"),
    ("My sister {} lives in Oslo.", "Where does my sister {} live?"),
    ("Our flight is {} on Monday at nine.", "When does flight {} leave?"),
    ("The server runs version {} since last week.", "Which server runs version {}?"),
    ("Order {} was delivered to the office yesterday.", "What happened to order {}?"),
    ("{} prefers tea to coffee in the morning.", "What does {} prefer in the morning?"),
)
"""Texts and questions about a value."""
VALUES = (
    ("4711", "1174"), ("Maria", "Marina"), ("LH123", "LH132"), ("v2.1.0", "v2.0.1"),
    ("AB-12-CD", "AB-21-CD"), ("Anna", "Hanna"), ("2023-05-08", "2023-08-05"), ("Kim", "Tim"),
    ("310", "301"), ("X9", "X8"),
)  # fmt: skip
"""Pairs of values that are easily confused."""
