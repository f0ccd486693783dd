"""Protection of the node: lanes, gates, fair turns, the mode machine, memory."""
