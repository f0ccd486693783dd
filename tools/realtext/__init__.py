"""Paragraphs of other authors, fetched from package managers, for measuring false alarms."""
