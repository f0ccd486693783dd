"""Word tables in TOML."""
