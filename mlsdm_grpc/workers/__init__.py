"""Worker processes: pool and links in the server, and the code that runs in a worker."""
