"""Who may call: principals and the credentials that prove them. Knows no transport."""
