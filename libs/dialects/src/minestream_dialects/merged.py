"""Which coins are mined along with others; pools themselves seldom say."""

from typing import Final

MERGED: Final = {"litecoin": ("dogecoin",)}
"""By the chain whose work counts for the others too (auxiliary proof of work).

Dogecoin's blocks take Litecoin's work since 2014. Smaller coins do so too, but which of them a pool
mines along nobody tells: what is not certain does not stand here.
"""
_PARENT_OF: Final = {coin: parent for parent, coins in MERGED.items() for coin in coins}


def merged_with(coin: str | None) -> tuple[str, ...]:
    """What is mined along with a coin, the parent first when the coin is not it itself.

    Args:
        coin: its name, in any case: ``Litecoin``.
    """
    name = (coin or "").casefold()
    parent = _PARENT_OF.get(name, name)
    family = (parent, *MERGED.get(parent, ()))
    return tuple(each for each in family if each != name) if parent in MERGED else ()
