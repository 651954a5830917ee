"""Everything that loops or connects. Knows events and topics, and nothing of mining."""
