"""The state machine of a space: records in, outcomes out."""
