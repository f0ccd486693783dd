"""Generated code, written by ``proto/generate.py``; never edited."""
