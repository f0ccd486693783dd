"""Spaces: location, creation, writes, snapshots and watches."""
