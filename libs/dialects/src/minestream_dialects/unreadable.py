"""The one error of the parsers of pools and markets: nothing can be read from this at all."""


class UnreadableError(ValueError):
    """The body is of the wrong shape; the text says how, and quotes nothing of it."""
