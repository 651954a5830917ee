"""Which recorded answers a model gives on port 4028, and what is peculiar to them."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """How one firmware numbers and words its parts.

    Args:
        recorded: the first part of its recorded answers' names.
        program: the mining software, as STATUS describes it.
        first_chain: the number of the first board.
        first_fan: the number of the first fan.
        group: how many chips stand together in the map of a board's chips.
        seamless: STATS lacks the comma between its two objects (``}{``).
        hottest: what ``temp_max`` is: of the chips, of the boards, or always 0.
        names_unit: STATS has ``rate_unit``.
        volt_mv: what one of ``chain_vol`` is, mV.
        later: as BMMiner 2.12 has it: boards in GH/s whatever the whole is in, units in words.
    """

    recorded: str
    program: str
    first_chain: int = 1
    first_fan: int = 1
    group: int = 3
    seamless: bool = False
    hottest: str = ""
    names_unit: bool = False
    volt_mv: int = 1
    later: bool = False


BMMINER: Final = Shape("s19pro", "cgminer 1.0.0", names_unit=True)
LATER: Final = Shape("s19pro", "cgminer 1.0.0", later=True)
L3_STOCK: Final = Shape("l3p", "cgminer 4.9.0", group=8, seamless=True, hottest="pcb")
VNISH_3: Final = Shape(
    "vnish_3.8.6",
    "cgminer 4.11.1",
    first_chain=6,
    first_fan=5,
    group=8,
    seamless=True,
    hottest="chip",
    volt_mv=10,
)
VNISH_3_L3: Final = replace(VNISH_3, recorded="vnish_3.8.6_l3p", first_chain=1, first_fan=1)
VNISH_1: Final = Shape("vnish_1.2.7", "cgminer 4.11.1")
SGMINER: Final = Shape("sgminer", "sgminer 4.4.2")
CGMINER: Final = Shape("sgminer", "cgminer 4.10.0")

SHAPES: Final[dict[str, Shape]] = {
    "l9-stock": LATER,
    "l7-stock": BMMINER,
    "s19pro-stock": BMMINER,
    "l3p-stock": L3_STOCK,
    "l3p-vnish-3.8.6": VNISH_3_L3,
    "s9-vnish-3.8.6": VNISH_3,
    "l9-1.2.7-4028": VNISH_1,
    "a4-sgminer": SGMINER,
    "t1-cgminer": CGMINER,
}
"""By the model's key."""
