"""Storage of the memories of a space in RAM, and exact search over it."""
