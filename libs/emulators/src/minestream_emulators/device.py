"""What every emulated firmware is, whatever it speaks: a machine, its names, its manners."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Final

from minestream_emulators.identity import Identity
from minestream_emulators.physics import Miner

JSON: Final = "application/json"
HTML: Final = "text/html"
THOUSANDFOLD: Final = 1000.0
WRONG_UNIT: Final = "XH/s"

Json = dict[str, Any]


@dataclass(slots=True)
class Firmware:
    """The firmware of one miner.

    Args:
        wrong_password: the stored password is not (any more) the right one (a fault).
        wrong_unit: it names a unit of hashrate that does not exist, or, where its answers name
            none, makes every hashrate a thousandfold (a fault).
        ahead_s: how far its clock is ahead, s (a fault).
    """

    miner: Miner
    who: Identity
    wrong_password: bool = False
    wrong_unit: bool = False
    ahead_s: float = 0.0

    def reboot(self) -> None:
        """Forget what a miner forgets when it boots."""
        return

    @property
    def clock_s(self) -> int:
        """What its clock says, seconds since 1970 UTC."""
        return int(self.miner.at_s + self.ahead_s)

    @property
    def blow(self) -> float:
        """What a firmware that names no unit multiplies its hashrates by."""
        return THOUSANDFOLD if self.wrong_unit else 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks over HTTP.

    Args:
        path: without the query.
        headers: names in lower case.
        at_s: when, seconds since 1970 UTC.
    """

    method: str
    path: str
    at_s: float
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the firmware answers over HTTP."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpFirmware(Firmware, ABC):
    """A firmware that serves HTTP."""

    __slots__ = ()

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer one request, at the instant it carries."""


class Framing(Enum):
    """Where a message over TCP ends."""

    NUL = "a question by itself; an answer at a NUL and the connection's end"
    BARE = "as NUL, but the connection's end alone ends the answer"
    LENGTH = "both after their length, 4 bytes, the lowest first"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the firmware answers over TCP.

    Args:
        command: what was asked, as the reply log calls it.
        body: before it is written out.
        status: 200, or 400 for what it does not know.
        several: the body holds answers by their commands, so it has no place for a number of ours.
    """

    command: str
    body: Json
    status: int = 200
    several: bool = False


class TcpFirmware(Firmware, ABC):
    """A firmware that speaks an API of the CGMiner kind over TCP."""

    __slots__ = ()
    framing: ClassVar[Framing] = Framing.NUL

    @abstractmethod
    def answer(self, asked: bytes, at_s: float) -> Answer:
        """Answer one question.

        Args:
            asked: as it came, framing taken off.
            at_s: when, seconds since 1970 UTC.
        """

    def worded(self, encoded: bytes) -> bytes:
        """An answer as this firmware writes it: JSON, or nearly."""
        return encoded
