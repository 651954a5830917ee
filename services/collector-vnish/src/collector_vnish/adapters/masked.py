"""A configuration as others may see it: without its secrets, or not at all."""

from datetime import datetime

from collector_vnish.domain import masking
from minestream_runtime.collecting.bodies import body_of
from minestream_runtime.http import Reply
from minestream_schemas.raw import EndpointBody, PollStatus


def masked_body(reply: Reply, content: object, at: datetime) -> EndpointBody:
    """The body of an answer that holds secrets.

    Args:
        reply: as it came; nothing of it is shown as it is.
        content: its JSON.
        at: when it was here.
    """
    try:
        kept = masking.masked(content)
    except ValueError as exc:
        return body_of(reply, PollStatus.GARBAGE, at, error=str(exc))
    return body_of(reply, PollStatus.OK, at, kept=kept)
