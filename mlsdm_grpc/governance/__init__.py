"""What is allowed: the built-in rules and the policies that set them. Pure code."""
