"""Tables of words, TOML."""
