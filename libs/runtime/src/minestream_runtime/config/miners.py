"""A miner as a configuration file lists it, and the entry of the inventory that it becomes."""

import re
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from minestream_schemas.ids import SLUG
from minestream_schemas.inventory import InventoryEntry

_OTHER: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A miner in the words of its file.

    Args:
        name: any text; a slug is made of it.
        host: address without port.
        rack: any text.
        interval_s: between polls, seconds.
    """

    name: str
    host: str
    username: str | None = None
    password: SecretStr | None = None
    model: str | None = None
    rack: str | None = None
    slot: int | None = None
    interval_s: float | None = None

    @property
    def credentials(self) -> dict[str, str]:
        """In the clear; empty where none are given."""
        said = {
            "username": self.username,
            "password": self.password and self.password.get_secret_value(),
        }
        return {key: value for key, value in said.items() if value}

    def entry(self, site_id: str) -> InventoryEntry:
        """The entry, without its credentials.

        Args:
            site_id: where it stands; the files do not say.

        Raises:
            ValueError: its name or address cannot be used.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return InventoryEntry(
            miner_id=slug(self.name),
            site_id=site_id,
            rack_id=self.rack and f"{site_id}-{slug(self.rack)}",
            slot=self.slot,
            address=f"{host.lower()}:80",
            transport="auto",
            model=self.model,
            interval_s=self.interval_s,
        )


def slug(text: str) -> str:
    """``Rack_1`` as ``rack-1``: what ids are made of.

    Raises:
        ValueError: nothing of it is left.
    """
    made = _OTHER.sub("-", text.casefold()).strip("-")[:63]
    if not re.fullmatch(SLUG, made):
        raise ValueError(f"{text!r}: at least one letter or digit is wanted")
    return made
