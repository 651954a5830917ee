"""The commands that this library adds to ``minestream``, and what all of them share."""
