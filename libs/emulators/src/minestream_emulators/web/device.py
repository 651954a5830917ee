"""What the guarded web servers of miners have in common."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from minestream_emulators.device import HTML, HttpFirmware, Reply, Request
from minestream_emulators.recorded import encode
from minestream_emulators.web.access import Guard

NOT_FOUND: Final = Reply(404, b"<html><body>404 - Not Found</body></html>", HTML)
METHOD_NOT_ALLOWED: Final = Reply(405)

Page = Callable[[Any], Any]


@dataclass(slots=True)
class WebDevice(HttpFirmware):
    """A miner whose pages are JSON behind a password."""

    guard: Guard = field(init=False)
    realm: ClassVar[str]

    def __post_init__(self) -> None:
        """Make the guard of its model's kind."""
        digest = self.miner.model.digest
        self.guard = Guard(self.realm, f"{self.who.mac}:{self.miner.seed}", digest=digest)

    def answer(self, request: Request) -> Reply:
        """Answer one request, at the instant it carries."""
        self.miner.advance(request.at_s)
        user, password = self.who.username or "", self.who.password
        if self.wrong_password:
            password = f"not {password}"
        refusal = self.guard.refusal(request, user=user, password=password)
        if refusal is not None:
            return refusal
        if request.method not in ("GET", "HEAD"):
            return METHOD_NOT_ALLOWED
        page = self.pages().get(request.path)
        return NOT_FOUND if page is None else Reply(200, encode(page(self)))

    def reboot(self) -> None:
        """See ``Firmware``."""
        self.guard.forget()

    @classmethod
    @abstractmethod
    def pages(cls) -> Mapping[str, Page]:
        """What there is to read, by path."""
