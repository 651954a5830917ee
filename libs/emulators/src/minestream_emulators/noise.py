"""Smooth, seeded wobble: the same at every replay, whoever looks and however often."""

from hashlib import blake2b

_MASK = 0xFFFF_FFFF_FFFF_FFFF


def seed_of(*parts: object) -> int:
    """A 64-bit number that stands for ``parts``, the same on every machine."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def lattice(seed: int, index: int) -> float:
    """The value at one point of the noise: even in -1…1 (splitmix64's finaliser)."""
    z = (seed + index * 0x9E37_79B9_7F4A_7C15) & _MASK
    z = ((z ^ z >> 30) * 0xBF58_476D_1CE4_E5B9) & _MASK
    z = ((z ^ z >> 27) * 0x94D0_49BB_1331_11EB) & _MASK
    return (z ^ z >> 31) / 2.0**63 - 1.0


def wobble(seed: int, at_s: float, period_s: float) -> float:
    """Noise that has a new value each ``period_s`` and glides between them.

    Returns:
        A number in -1…1.
    """
    place = at_s / period_s
    index = int(place // 1)
    part = place - index
    here, there = lattice(seed, index), lattice(seed, index + 1)
    return here + (there - here) * part * part * (3.0 - 2.0 * part)
