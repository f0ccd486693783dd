"""Validation and conversion of the contract's data messages, used by server and workers alike."""
