"""What a gateway's answer to an upload means: for each item, and for the uploads to come. Pure."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import ValidationError

from minestream_runtime.settings import leads_somewhere
from minestream_schemas.upload import Answer, Taken

Outcome = Literal["published", "partly", "away", "too_large", "refused"]
State = Literal["up", "down", "refused", "untrusted"]

SLOW_S: Final = 60.0
"""Between tries while the gateway refuses us: only a person can mend that."""
_MOST_WAIT_S: Final = 300.0
_OK: Final = 200
_UNAVAILABLE: Final = 503
_TOO_OFTEN: Final = 429
_TOO_LARGE: Final = 413
_FAILS: Final = 500
_FAULTY: Final = frozenset({400, 422})
"""One item that spoils the rest: halving finds that one."""
_UNTRUSTED_S: Final = 10.0
_REFUSES: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one item.

    Args:
        published: it is on Kafka.
        refused: kind and reason; it never will be.
    """

    published: bool = False
    refused: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an upload.

    Args:
        outcome: in one word.
        settled: for each item.
        state: how the gateway stands to us.
        why: it does not take uploads; empty where it does.
        wait_s: until the next try.
        late: it took too long; fewer items may not.
    """

    outcome: Outcome
    settled: tuple[Settled, ...]
    state: State = "up"
    why: str = ""
    wait_s: float = 0.0
    late: bool = False

    @classmethod
    def away(cls, items: int, why: str, wait_s: float = 0.0, *, late: bool = False) -> "Verdict":
        """Nothing was published, as far as is known."""
        return cls("away", (Settled(),) * items, "down", f"gateway: {why}", wait_s, late)

    @classmethod
    def untrusted(cls, items: int, why: str) -> "Verdict":
        """Whoever is there is not known to be the gateway: nothing was sent."""
        why = f"nothing is sent to the gateway: its certificate is refused: {why}"
        return cls("away", (Settled(),) * items, "untrusted", why, _UNTRUSTED_S)


def judge(
    items: int, status: int, body: bytes, retry_after: str | None, location: str | None = None
) -> Verdict:
    """Read an answer.

    Anything that is not the gateway's own word, such as the page of a hotel's network, publishes
    nothing.

    Args:
        items: how many were sent.
        status: HTTP's.
        body: the answer's.
        retry_after: the header, as it came.
        location: the same of where it leads to.
    """
    answer = _read(body)
    wait_s = _seconds(retry_after)
    said = answer.error if answer and answer.error else f"HTTP {status}"
    if status in _REFUSES and answer is not None:
        why = (
            f"the gateway refuses our key ({said}): is the key this site's, and not revoked? "
            "`minestream collector-key create` makes a new one, which counts once it is here"
        )
        return Verdict("refused", (Settled(),) * items, "refused", why, SLOW_S)
    if status == _TOO_LARGE or (status in _FAULTY and answer is not None):
        # alone it is the one at fault, also where a proxy on the way says so
        refused = Settled(refused=("too_large" if status == _TOO_LARGE else "schema", said))
        return Verdict("too_large", (refused,) * items)
    if answer is None or status not in {_OK, _UNAVAILABLE, _TOO_OFTEN}:
        least_s = SLOW_S if status in _REFUSES else 5.0  # asked on and on, it may lock us out
        return Verdict.away(items, _stranger(status, location), max(wait_s, least_s))
    if answer.data is None:
        return Verdict.away(items, said, max(wait_s, 1.0))
    return _told(items, answer.data, said, wait_s)


def _stranger(status: int, location: str | None) -> str:
    """Somebody else answers at the gateway's address: who, as far as is known, and what to do."""
    said = f"HTTP {status}, not an answer of ours"
    if status >= _FAILS:
        return f"{said}: a proxy before it has no answer from it, or it has failed"
    if location is not None:
        parts = urlsplit(location) if leads_somewhere(location) else None
        port = f":{parts.port}" if parts and parts.port else ""
        where = f"{parts.scheme}://{parts.hostname}{port}" if parts else "another page"
        return f"{said}: it leads to {where}, and is not followed: is `gateway` the address?"
    return f"{said}: is `gateway` its address, and does no portal or proxy answer in its place?"


def _told(items: int, told: Taken, said: str, wait_s: float) -> Verdict:
    refused = {each.index: (each.kind, each.reason) for each in told.refused}
    waiting = set(told.waiting)
    if told.processed + len(refused) + len(waiting) != items:
        return Verdict.away(items, "its answer does not add up")
    settled = tuple(
        Settled(refused=refused[place]) if place in refused else Settled(place not in waiting)
        for place in range(items)
    )
    if not waiting:
        return Verdict("published", settled)
    outcome: Outcome = "partly" if told.processed else "away"
    return Verdict(outcome, settled, "down", f"gateway: {said}", max(wait_s, 1.0))


def _read(body: bytes) -> Answer | None:
    try:
        return Answer.model_validate_json(body)
    except ValidationError:
        return None


def _seconds(text: str | None) -> float:
    try:
        told_s = float(text or 0)
    except ValueError:  # a date: rare, and no worse than a default
        return 0.0
    return min(told_s, _MOST_WAIT_S) if told_s > 0 else 0.0  # NaN is not above 0
