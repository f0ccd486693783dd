"""Journal in an SQLite database on one machine, and its repair."""
