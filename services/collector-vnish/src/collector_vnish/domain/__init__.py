"""What there is to ask, what an answer looks like, what must not be told: pure."""
