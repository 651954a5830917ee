"""Which names that no inventory has a site may speak for, and for how long."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.upload import reporter_of

_OF_COLLECTORS: Final = frozenset({GapCause.LINK_DOWN, GapCause.SPOOL_OVERFLOW})
_REPORTERS: Final = reporter_of("")


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


def not_its_own(gap: Gap, site_id: str) -> str | None:
    """Why a site may not tell of this gap, whosever the name is; None: it may.

    A gap is the same for whoever tells it: a site that told of another's link, or of a pool that
    we ask here, would close a gap that is open.

    Args:
        gap: as it came.
        site_id: the key's.
    """
    own = reporter_of(site_id)
    if gap.cause is GapCause.SOURCE_SILENT:
        return f"cause: a site tells of its miners and collectors, not of {gap.cause}"
    if gap.cause not in _OF_COLLECTORS or gap.subject == own:
        return None
    if gap.subject.startswith(_REPORTERS) or not gap.subject.endswith(f"-{site_id}"):
        return f"subject: {own}, or a collector's name that ends with -{site_id}, is wanted"
    return None
