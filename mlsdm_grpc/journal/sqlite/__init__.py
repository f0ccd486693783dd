"""The SQLite journal of one machine, and its repair."""
