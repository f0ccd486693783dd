"""Server process: transport, health, reflection, operations port, life cycle."""
