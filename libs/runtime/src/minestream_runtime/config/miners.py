"""A miner as a configuration file lists it, and the entry of the inventory that it becomes."""

from dataclasses import dataclass

from pydantic import SecretStr

from minestream_schemas.ids import slug
from minestream_schemas.inventory import InventoryEntry


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
