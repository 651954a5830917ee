"""Which endpoints are due, how a poll ended, what must not be told: pure."""
