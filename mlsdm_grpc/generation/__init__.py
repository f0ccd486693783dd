"""Answers of language models with the help of what a space remembers."""
