"""The memories of a space in memory, and exact search over them."""
