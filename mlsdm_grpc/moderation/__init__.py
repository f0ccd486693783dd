"""Judging and embedding of texts before anything is stored or sent."""
