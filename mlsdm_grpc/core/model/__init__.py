"""Plain data of the mind: records, outcomes, parameters, policies."""
