"""Records, outcomes and snapshots as bytes."""
