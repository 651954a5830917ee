"""Which record goes into which file, and what a file must hold: pure."""
