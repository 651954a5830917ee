"""Which dialects there are, and which one a payload speaks."""

from typing import Final

from minestream_dialects import antminer_web, elphapex, upload, vnish_cgi, vnish_toolkit
from minestream_dialects.cgminer import generic, stock, vnish3
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.vnish import v1_2, v1_3
from minestream_dialects.whatsminer import v1 as whatsminer_v1
from minestream_dialects.whatsminer import v2 as whatsminer_v2
from minestream_dialects.whatsminer import v3 as whatsminer_v3

DIALECTS: Final[tuple[Dialect, ...]] = (
    v1_3.DIALECT,
    v1_2.DIALECT,
    vnish_toolkit.DIALECT,
    vnish_cgi.DIALECT,
    upload.DIALECT,
    elphapex.DIALECT,
    whatsminer_v3.DIALECT,
    whatsminer_v2.DIALECT,
    whatsminer_v1.DIALECT,
    vnish3.DIALECT,
    stock.DIALECT,
    antminer_web.DIALECT,
    generic.DIALECT,
)
"""In the order in which they are tried. A new dialect is one module and one entry here.

``generic`` stays last: what it is recognised by, every descendant of CGMiner says.
"""

AUTO: Final = "auto"

_CANDIDATES: Final[dict[str, tuple[Dialect, ...]]] = {
    AUTO: DIALECTS,
    **{
        name: tuple(each for each in DIALECTS if name in (each.name, each.family))
        for dialect in DIALECTS
        for name in (dialect.family, dialect.name)
    },
}


def names() -> tuple[str, ...]:
    """Every name that ``choose`` understands: ``auto``, families, dialects."""
    families = {dialect.family for dialect in DIALECTS}
    own = {dialect.name for dialect in DIALECTS} - families
    return (AUTO, *sorted(families), *sorted(own))


def candidates(name: str) -> tuple[Dialect, ...]:
    """The dialects that ``name`` may mean: one, a family, or with ``auto`` all of them."""
    return _CANDIDATES.get(name, ())


def choose(name: str, payloads: Payloads) -> tuple[Dialect, str] | None:
    """Find the dialect that payloads speak.

    Args:
        name: a dialect (then nothing is guessed), a family, or ``auto``.
        payloads: what the miner said.

    Returns:
        the dialect and what it was recognised by; None when none claims the payloads.
    """
    found = candidates(name)
    if len(found) == 1 and found[0].name == name:
        return found[0], "raw.dialect"
    for dialect in found:
        evidence = dialect.recognise(payloads)
        if evidence is not None:
            return dialect, evidence
    return None
