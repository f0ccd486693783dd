"""The deterministic mind: pure state and arithmetic, no clock, no I/O."""
