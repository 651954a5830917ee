"""What the market collector decides: what is due, what is stale. Pure."""
