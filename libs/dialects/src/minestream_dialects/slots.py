"""Which board is which: slots as the firmware numbers them, each once."""

from collections.abc import Iterator
from typing import Any, Final

from minestream_dialects.fields import Flags

MAX_BOARDS: Final = 16
MAX_SLOT: Final = 64


def numbered(
    items: object, flags: Flags, *, key: str = "id", first: int = 1
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The boards of a list with their slots; what is no board is flagged and skipped.

    A board without a usable slot gets the lowest free one, and a flag.

    Args:
        items: as decoded.
        flags: where to note what is wrong.
        key: under which a board tells its slot.
        first: where this firmware begins to count.
    """
    if not isinstance(items, list) or len(items) > MAX_BOARDS:
        flags.invalid("boards")
        return
    taken: set[int] = set()
    for item in items:
        if not isinstance(item, dict):
            flags.invalid("boards")
            continue
        slot = item.get(key)
        if type(slot) is not int or not 0 <= slot <= MAX_SLOT or slot in taken:
            flags.invalid("boards.slot")
            slot = next(free for free in range(first, MAX_SLOT + 1) if free not in taken)
        taken.add(slot)
        yield slot, item
