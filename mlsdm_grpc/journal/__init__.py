"""Journal: the durable log of records, its protocol, its implementations and its codecs."""
