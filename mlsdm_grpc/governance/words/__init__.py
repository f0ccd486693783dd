"""Tables of words by language and class; ``lexicon`` says how an entry is written."""
