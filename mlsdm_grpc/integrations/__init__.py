"""Adapters to frameworks of agents; each needs the extra of its name."""
