"""Text matching: normal forms, words, patterns and places."""
