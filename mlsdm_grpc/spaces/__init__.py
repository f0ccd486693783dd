"""Spaces in the server process: location, creation, writes, snapshots and watches."""
