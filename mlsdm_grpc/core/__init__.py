"""State machine of a space (the mind): pure state and arithmetic, without clock or I/O."""
