"""Validation and conversion of the contract's data messages, for server and workers."""
