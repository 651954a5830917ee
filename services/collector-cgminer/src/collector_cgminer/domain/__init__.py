"""Which commands may be sent, how a poll ended: pure."""
