"""A configuration as others may see it: without its secrets, or not at all."""

import json
from datetime import datetime

import msgspec

from collector_vnish.domain.masking import mask
from minestream_runtime.collecting.bodies import body_of
from minestream_runtime.devices.http import Reply
from minestream_schemas.raw import EndpointBody, PollStatus


def masked_body(reply: Reply, content: object, at: datetime) -> EndpointBody:
    """The body of an answer that holds secrets.

    Args:
        reply: as it came; nothing of it is shown as it is.
        content: its JSON.
        at: when it was here.
    """
    try:
        kept = _encoded(mask(content))
    except RecursionError:
        return body_of(reply, PollStatus.GARBAGE, at, error="nested too deeply")
    return body_of(reply, PollStatus.OK, at, kept=kept)


def _encoded(content: object) -> bytes:
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:  # a lone surrogate goes out as it came, escaped
        return json.dumps(content, separators=(",", ":")).encode()
