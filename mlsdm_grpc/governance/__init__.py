"""Governance: detectors, built-in rules and policies; pure code without I/O."""
