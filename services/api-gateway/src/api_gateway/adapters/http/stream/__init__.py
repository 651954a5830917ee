"""The websocket's door."""
