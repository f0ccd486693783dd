"""Protection of the node: lanes, gates, fair scheduling, mode machine, memory."""
