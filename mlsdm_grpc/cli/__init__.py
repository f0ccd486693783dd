"""The command line ``mlsdm``: serve, check, call, put, query, state, ingest, export, health."""
