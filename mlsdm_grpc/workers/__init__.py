"""Worker processes: pool and link in the server, and the code that runs in a worker."""
