"""Detectors: what of a text is harm, injection, secret or personal data."""
