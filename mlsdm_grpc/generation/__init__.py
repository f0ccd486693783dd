"""Generation: answers of language models with recall from a space."""
