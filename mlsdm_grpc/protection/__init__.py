"""Protection of the node: lanes, gates, fair scheduling, the mode machine, memory."""
