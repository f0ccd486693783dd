"""The engine: minds in worker processes, durable writes, coalesced reads."""
