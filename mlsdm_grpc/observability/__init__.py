"""Metrics and logs: their names and their set-up."""
