"""The one file that an edge site is set up with, or every fault that it has."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from minestream_runtime.config.marks import Part
from minestream_runtime.config.reading import Read, read_as
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.inventory.reading import Wanted, read_inventory
from minestream_runtime.settings import leads_somewhere
from minestream_schemas.ids import SiteId
from minestream_schemas.upload import COLLECTOR_KEY

WEEK_S: Final = 7 * 86_400.0
FOUR_GIB: Final = 4 << 30
_NO_KEY: Final = (
    "a collector key is wanted: hsc_ and 40 letters, as `minestream collector-key create` shows it"
)
_HERE: Final = re.compile(r"localhost|127(\.\d+){3}|::1")
INLINE: Final = ("defaults", "miners")


class Spool(Part):
    """Where events wait while the gateway is away, and how many."""

    folder: Path = Path(".minestream/edge")
    most_bytes: int = Field(default=FOUR_GIB, ge=1 << 16)
    most_age_s: float = Field(default=WEEK_S, gt=0)
    gap_after_s: float = Field(default=5.0, ge=0)


class Poll(Part):
    """How miners are asked; what is not said is as the collectors have it."""

    interval_s: float | None = Field(default=None, gt=0)
    deadline_s: float | None = Field(default=None, gt=0, le=60)
    in_flight: int | None = Field(default=None, ge=1, le=10_000)
    slow_in_flight: int | None = Field(default=None, ge=1, le=10_000)
    site_rate: float | None = Field(default=None, gt=0, le=10_000)
    calm: bool | None = None
    allowed_networks: str | None = None


class Upload(Part):
    """How events go to the gateway."""

    most_items: int = Field(default=1000, ge=1, le=5000)
    most_bytes: int = Field(default=4 << 20, ge=1 << 16)
    linger_s: float = Field(default=1.0, ge=0, le=60)
    deadline_s: float = Field(default=30.0, gt=0, le=600)


class Health(Part):
    """Where health and metrics listen."""

    host: str | None = None
    port: int | None = Field(default=None, ge=0, le=65_535)


class Trace(Part):
    """Where traces go, and how many."""

    endpoint: str | None = None
    folder: Path | None = None
    ratio: float | None = Field(default=None, ge=0, le=1)


class EdgeFile(Part):
    """An edge site: who it is, which gateway takes its events, which miners it polls."""

    site: SiteId
    gateway: str
    key: SecretStr | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    plain_http: bool = False
    collectors: Annotated[tuple[str, ...], Field(min_length=1)] = ("vnish", "cgminer")
    inventory: Path | None = None
    defaults: Any = None
    miners: Any = None
    poll: Poll = Poll()
    spool: Spool = Spool()
    upload: Upload = Upload()
    health: Health = Health()
    trace: Trace = Trace()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("gateway")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not leads_somewhere(url) or urlsplit(url).path.strip("/") or urlsplit(url).query:
            raise ValueError("https://host[:port] is wanted, without a path")
        return url

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(COLLECTOR_KEY, key.get_secret_value()):
            raise ValueError(_NO_KEY)
        return key

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.key is None) == (self.key_file is None):
            raise ValueError("one of key and key_file is wanted")
        if (self.inventory is None) == (self.miners is None):
            raise ValueError("one of inventory (a file) and miners (a list) is wanted")
        parts = urlsplit(self.gateway)
        here = _HERE.fullmatch(parts.hostname or "")
        if parts.scheme != "https" and not here and not self.plain_http:
            raise ValueError(
                "gateway: https is wanted, for the key and the polls would go in the clear "
                "(plain_http: true where the way there is safe by other means)"
            )
        return self


@dataclass(frozen=True, slots=True)
class Edge:
    """A file without faults.

    Args:
        file: what it says.
        path: where it is; paths in it start from its folder.
        key: the site's.
        inventory: the file that lists the miners; it may be the same.
        read: where each of its values stands.
    """

    file: EdgeFile
    path: Path
    key: SecretStr
    inventory: Path
    read: Read

    def faulty(self, said: str, *at: str) -> DocumentError:
        """An error about one value of the file.

        Args:
            said: what is wrong, and what is allowed.
            at: its path.
        """
        return DocumentError([Fault(self.read.line(at), f"{'.'.join(at)}: {said}")])

    def exposed(self) -> str | None:
        """That everybody may read the file which has the key, and what to do; None: not so.

        No refusal: a container's secrets are often readable by all, and there is nobody else.

        Raises:
            OSError: it is not there any more.
        """
        given = self.file.key_file
        holder = self.path if given is None else self.path.parent / given
        mode = stat.S_IMODE(holder.stat().st_mode)
        if not mode & stat.S_IROTH:
            return None
        if given is None and self.key.get_secret_value() not in holder.read_text(encoding="utf-8"):
            return None  # it is the environment's
        return (
            f"{holder} has mode {mode:04o}, which lets everybody on this machine read the key and "
            f"upload as {self.file.site}: chmod 600 {holder}, or 440 where a group needs it"
        )

    def read_inventory(self, environment: Mapping[str, str]) -> Wanted:
        """The miners as they are listed now.

        Raises:
            DocumentError: with all faults of the list.
            OSError: the file cannot be read.
        """
        beside = set(EdgeFile.model_fields) - set(INLINE) if self.inventory == self.path else ()
        return read_inventory(
            self.inventory.read_text(encoding="utf-8"),
            environment,
            site_id=self.file.site,
            beside=beside,
        )


def read_edge(path: Path, environment: Mapping[str, str]) -> Edge:
    """Read the file of an edge site.

    Args:
        path: the file.
        environment: fills in ``${NAME}``.

    Raises:
        DocumentError: with all faults there are, but those of the inventory.
        OSError: the file cannot be read.
    """
    read = read_as(EdgeFile, path.read_text(encoding="utf-8"), environment)
    file = read.part
    if not isinstance(file, EdgeFile):  # for the type checker: it was asked for
        raise TypeError(type(file).__name__)
    folder = path.parent
    where = path if file.inventory is None else folder / file.inventory
    for name in ("inventory", "ca_file"):
        given = getattr(file, name)
        if given is not None and not (folder / given).is_file():
            raise DocumentError([Fault(read.line((name,)), f"{name}: there is no file {given}")])
    return Edge(file, path, _key(file, folder, read), where, read)


def _key(file: EdgeFile, folder: Path, read: Read) -> SecretStr:
    if file.key is not None:
        return file.key
    line = read.line(("key_file",))
    try:
        text = (folder / (file.key_file or "")).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise DocumentError([Fault(line, f"key_file: {type(exc).__name__}")]) from exc
    if not re.fullmatch(COLLECTOR_KEY, text):
        raise DocumentError([Fault(line, f"key_file: {_NO_KEY}")])
    return SecretStr(text)
