"""What a kind of machine is made of: what is printed on the box, and how it behaves."""

from dataclasses import dataclass
from typing import Final, Literal

Transport = Literal["http", "tcp"]

TRANSPORTS: Final[dict[str, Transport]] = {
    "vnish": "http",
    "vnish-toolkit": "http",
    "vnish-cgi": "http",
    "antminer-web": "http",
    "elphapex": "http",
    "antminer": "tcp",
    "vnish-3": "tcp",
    "whatsminer": "tcp",
    "whatsminer-v3": "tcp",
    "cgminer": "tcp",
}
"""How each family is asked."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One operating point of the firmware's tuner.

    Args:
        watts: what the whole miner draws at it, W; also the preset's name.
        frequency_mhz: of every chip.
        voltage_mv: of every board's supply rail.
    """

    watts: int
    frequency_mhz: int
    voltage_mv: int


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of miner on one firmware version.

    Args:
        key: how the emulator calls it (``l9-1.2.7``).
        slug: how the firmware calls the model (``l9``).
        hash_per_mhz: hashes per second that one chip makes per MHz of its clock.
        rise_c: chip over inlet at the first preset with fans at 80 % duty, K.
        target_c: the chip temperature that the fan control aims at, degrees C.
        share_hashes: expected hashes per unit of pool difficulty.
        share_difficulty: of the pool that it mines for.
        domains: voltage domains in series on a board.
        family: which firmware family it speaks (a key of ``TRANSPORTS``).
        digest: its web pages ask for Digest access, not Basic.
        reflashed: key of the same machine on another firmware, if it can be had.
    """

    key: str
    slug: str
    name: str
    series: str
    firmware: str
    algorithm: Literal["scrypt", "sha256d"]
    boards: int
    chips: int
    domains: int
    hash_per_mhz: float
    stock_hs: float
    presets: tuple[Preset, ...]
    rise_c: float
    target_c: float
    max_rpm: int
    share_hashes: float
    share_difficulty: int
    difficulty_text: str
    devfee_difficulty: int
    pool_url: str
    fans: int = 4
    devfee_ratio: float = 0.028
    throttle_c: float = 96.0
    shutdown_c: float = 118.0
    family: str = "vnish"
    digest: bool = True
    reflashed: str | None = None

    @property
    def transport(self) -> Transport:
        """How it is asked."""
        return TRANSPORTS[self.family]

    @property
    def unit(self) -> str:
        """The firmware's unit of hashrate (``hr_measure``)."""
        return "MH/s" if self.algorithm == "scrypt" else "GH/s"

    @property
    def unit_hs(self) -> float:
        """How many H/s one ``unit`` is."""
        return 1e6 if self.algorithm == "scrypt" else 1e9

    @property
    def has_boards(self) -> bool:
        """Firmware 1.3 answers ``/boards``; 1.2 answers ``/chips`` and ``/chains``."""
        return not self.firmware.startswith("1.2.")

    def ideal_hs(self, preset: Preset) -> float:
        """What one board would make with every chip at its best, H/s."""
        return self.chips * self.hash_per_mhz * preset.frequency_mhz

    def preset_text(self, preset: Preset) -> str:
        """How the firmware words a preset: ``3425 watt ~ 17000 MH``."""
        size, unit = (1e6, "MH") if self.algorithm == "scrypt" else (1e12, "TH")
        rate = self.boards * self.ideal_hs(preset) / size
        shown = round(rate, -2) if unit == "MH" else round(rate)
        return f"{preset.watts} watt ~ {shown:.0f} {unit}"
