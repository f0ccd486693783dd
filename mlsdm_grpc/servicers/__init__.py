"""One file a service: convert, call the engine, convert back."""
