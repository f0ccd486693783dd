"""Small test doubles that several tests share."""


class Clock:
    """Clock that only tests advance."""

    def __init__(self, now_s=0.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s
