"""Providers of language models: see base.py for what one is."""
