"""The process around the services: transport, health, reflection, operations port, life cycle."""
