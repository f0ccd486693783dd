"""The wire: proto and domain, errors and statuses, names of metadata. Knows no transport."""
