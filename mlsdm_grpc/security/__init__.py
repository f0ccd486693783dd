"""Authentication: principals, and the credentials that prove them. Independent of the transport."""
