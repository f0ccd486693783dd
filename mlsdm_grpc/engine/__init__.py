"""Engine: minds in worker processes, durable writes and coalesced reads."""
