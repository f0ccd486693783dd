"""Authentication: principals, and the credentials that prove them; independent of the transport."""
