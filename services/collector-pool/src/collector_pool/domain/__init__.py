"""What the pool collector decides: which worker a change is of, what is stale. Pure."""
