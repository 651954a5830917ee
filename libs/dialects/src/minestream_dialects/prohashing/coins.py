"""Which coins are mined along with others: the pool itself does not say."""

from typing import Final

MERGED: Final = {
    "litecoin": ("dogecoin", "bellscoin", "luckycoin", "junkcoin", "pepecoin", "dingocoin"),
    "bitcoin": ("namecoin", "rootstock"),
}
"""By the chain whose work counts for the others too (auxiliary proof of work)."""
_PARENT_OF: Final = {coin: parent for parent, coins in MERGED.items() for coin in coins}


def merged_with(coin: str | None) -> tuple[str, ...]:
    """What is mined along with a coin, the parent first when the coin is not it itself."""
    name = (coin or "").casefold()
    parent = _PARENT_OF.get(name, name)
    family = (parent, *MERGED.get(parent, ()))
    return tuple(each for each in family if each != name) if parent in MERGED else ()
