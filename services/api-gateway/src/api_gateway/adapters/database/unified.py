"""One time-aligned series of a miner, its pool and the market."""

from typing import Any, Final

from api_gateway.adapters.database.access import Reader
from api_gateway.adapters.database.gaps import Span

_SERIES: Final = """
SELECT * FROM telemetry_v1.unified(
    %(miner)s, %(from)s::timestamptz, %(to)s::timestamptz, make_interval(secs => %(step_s)s))
"""


async def read_unified(
    reader: Reader, miner_id: str, span: Span, step_s: int
) -> list[dict[str, Any]]:
    """A row for each step of a span, also where nothing is known.

    Args:
        reader: of the contract schemas.
        miner_id: whose.
        span: whole steps.
        step_s: seconds.
    """
    values = {"miner": miner_id, "from": span.start, "to": span.end, "step_s": step_s}
    return await reader.rows(_SERIES, values)
