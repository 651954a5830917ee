"""What a dialect is: a name, how its payloads are recognised, and how they are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from minestream_dialects.draft import Draft


@dataclass(slots=True)
class Payloads:
    """Everything a parser may look at.

    Args:
        bodies: decoded JSON by endpoint; an endpoint that failed is absent.
        ages_s: how old each body was when the miner was polled, seconds.
        firmware: what the collector found out, such as ``1.2.7``; a hint.
        model_hint: the inventory's model.
        algorithm_hint: the inventory's algorithm.
        worker_hint: the inventory's worker.
    """

    bodies: Mapping[str, object]
    ages_s: Mapping[str, float]
    firmware: str | None = None
    model_hint: str | None = None
    algorithm_hint: str | None = None
    worker_hint: str | None = None

    def mapping(self, endpoint: str) -> dict[str, object] | None:
        """The body of ``endpoint`` when it is an object."""
        body = self.bodies.get(endpoint)
        return body if isinstance(body, dict) else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One firmware generation, pool or market API version: a parser and how to recognise it.

    Args:
        name: as it stands in ``MinerTelemetry.dialect``, such as ``vnish-1.2``.
        family: as collectors name it in ``RawMiner.dialect``, such as ``vnish``.
        main: the endpoint without which there is no reading.
        needed: endpoints whose absence is flagged even when nobody asked for them.
        optional: further endpoints whose failure is flagged.
        recognise: what the dialect is recognised by, or None when the payloads are not its own.
        identify: model, firmware and algorithm only, for rows without numbers.
        read: the whole reading. Total: any JSON in, a draft out.
        older_main: what an older firmware has in place of ``main``; None: nothing.
        never: numbers that this firmware has no word for, in our names, a board's as
            ``boards.power_w``; their absence lowers no reading's quality.
    """

    name: str
    family: str
    main: str
    needed: frozenset[str]
    optional: frozenset[str]
    recognise: Callable[[Payloads], str | None]
    identify: Callable[[Payloads], Draft]
    read: Callable[[Payloads], Draft]
    older_main: str | None = None
    never: frozenset[str] = frozenset()
