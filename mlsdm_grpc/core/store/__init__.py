"""In-memory storage of the memories of a space, and exact search over it."""
