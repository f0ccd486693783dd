"""Language models and what turns text into vectors."""
