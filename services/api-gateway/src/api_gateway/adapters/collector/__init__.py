"""The door of edge sites: reads what they upload, publishes it, and says what became of it."""
