"""Worker processes: their pool and link on one side, what they run on the other."""
