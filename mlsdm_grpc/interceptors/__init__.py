"""Interceptors of calls, one concern for each module; ``chain.py`` holds the order."""
