"""What happens around every call, one concern a module; ``chain.py`` holds the order."""
