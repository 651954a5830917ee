"""Which names that no inventory has a site may speak for, and for how long."""

from dataclasses import dataclass
from datetime import timedelta


class KeyRevokedError(ValueError):
    """A key that a moment ago might upload may not any more: it claims nothing."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """A name is claimed by telling it, and is lost when it is told no more.

    Args:
        keep: how long after it was told last; longer than a site's spool may hold it back.
        most: names that one site may hold.
    """

    keep: timedelta
    most: int

    def full(self, name: str, site_id: str) -> str:
        """Why a site gets no further name, and what to do, for people."""
        return (
            f"{name} is in no inventory, and {site_id} holds {self.most} such names already: "
            "enter its miners in the inventory, or raise MINESTREAM_UPLOAD_CLAIMS"
        )
