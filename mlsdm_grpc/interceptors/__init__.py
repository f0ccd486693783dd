"""Interceptors of calls, one concern for each module. ``chain.py`` defines their order."""
