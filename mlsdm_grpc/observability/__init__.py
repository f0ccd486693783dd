"""Metrics and logs: names and configuration."""
