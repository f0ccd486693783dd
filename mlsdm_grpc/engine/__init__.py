"""Engine: minds in worker processes, durable writes and combined reads."""
