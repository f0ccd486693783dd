"""Durable order: the journal protocol, its implementations, and the codecs of its content."""
