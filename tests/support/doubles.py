"""Small stand-ins that several tests use."""


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_s=0.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s
