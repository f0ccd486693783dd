"""Rules and policies, and the verdicts that follow from them."""
