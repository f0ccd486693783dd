"""Providers of language models; ``provider.py`` defines their interface."""
