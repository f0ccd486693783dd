"""The command ``mlsdm``: the server, calls of it for people and scripts, and data folders."""
