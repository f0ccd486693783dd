"""Programs for developers: corpora of real text, training and evaluation of the detectors."""
