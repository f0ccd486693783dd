"""Durable order: the journal Protocol, its implementations, and the codecs of what they hold."""
