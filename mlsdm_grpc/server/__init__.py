"""The server process: transport, health, reflection, operations port, life cycle."""
