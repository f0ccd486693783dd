"""Encoding of records, outcomes and snapshots."""
