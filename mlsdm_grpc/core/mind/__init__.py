"""State machine of a space: applies records and returns outcomes."""
