"""How texts are read: normal forms, words, patterns, places."""
