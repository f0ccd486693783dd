"""Plain data of the mind: records, outcomes, parameters and policies."""
