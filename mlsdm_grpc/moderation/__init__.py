"""Moderation: evaluation and embedding of texts before they are stored or sent."""
