"""The state machine of a space: it applies records and returns outcomes."""
