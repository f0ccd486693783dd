"""The command ``mlsdm``: the server, client commands, and tools for data folders."""
