"""Tasks of a service beside its streams: by the clock of a time zone, in chains, at events."""

from minestream_runtime.tasks.loop import Tasks

__all__ = ["Tasks"]
