"""Detectors of harm, prompt injection, secrets and personal data in text."""
