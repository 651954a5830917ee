"""The commands that this library adds to ``minestream``."""
