"""The journal of one machine in SQLite, and what repairs it."""
