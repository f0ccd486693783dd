"""Spaces: where they live, how they are created, written to, kept and watched."""
