"""The machines that the emulated world is made of: what is printed on the box, and how they behave.

Knows figures, not time: physics moves them, the firmware's module words them.
"""

from dataclasses import dataclass
from typing import Final, Literal


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
    """

    key: str
    slug: str
    name: str
    series: Literal["l9", "x19", "x21"]
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


_SCRYPT_DIFF1 = 2.0**16
_SHA256_DIFF1 = 2.0**32


def _l9(firmware: str) -> Model:
    return Model(
        key=f"l9-{firmware}",
        slug="l9",
        name="Antminer L9",
        series="l9",
        firmware=firmware,
        algorithm="scrypt",
        boards=3,
        chips=110,
        domains=40,
        hash_per_mhz=5770.5e6 / 110 / 1150,
        stock_hs=17038e6,
        presets=(Preset(3425, 1150, 14200), Preset(3010, 1050, 13900), Preset(2640, 950, 13600)),
        rise_c=50.0,
        target_c=75.0,
        max_rpm=6500,
        share_hashes=_SCRYPT_DIFF1,
        share_difficulty=1048576,
        difficulty_text="1.05M",
        devfee_difficulty=131072,
        pool_url="mining.prohashing.com:3333",
    )


L9_1_2: Final = _l9("1.2.7")
L9_1_3: Final = _l9("1.3.4")
S21_PRO: Final = Model(
    key="s21pro-1.2.7",
    slug="s21pro",
    name="Antminer S21 Pro",
    series="x21",
    firmware="1.2.7",
    algorithm="sha256d",
    boards=3,
    chips=65,
    domains=13,
    hash_per_mhz=65505.727e9 / 65 / 495,
    stock_hs=237088e9,
    presets=(Preset(3520, 595, 13800), Preset(3160, 535, 13300), Preset(2800, 480, 13000)),
    rise_c=44.0,
    target_c=70.0,
    max_rpm=6500,
    share_hashes=_SHA256_DIFF1,
    share_difficulty=262144,
    difficulty_text="262K",
    devfee_difficulty=16384,
    pool_url="stratum.braiins.com:3333",
    devfee_ratio=0.02812,
)
S19K_PRO: Final = Model(
    key="s19kpro-1.3.3",
    slug="s19kpro",
    name="Antminer S19k Pro",
    series="x19",
    firmware="1.3.3",
    algorithm="sha256d",
    boards=3,
    chips=77,
    domains=11,
    hash_per_mhz=120e12 / 3 / 77 / 605,
    stock_hs=138364e9,
    presets=(Preset(2760, 605, 13800), Preset(2330, 525, 13300)),
    rise_c=41.0,
    target_c=68.0,
    max_rpm=6000,
    share_hashes=_SHA256_DIFF1,
    share_difficulty=65526,
    difficulty_text="65.5K",
    devfee_difficulty=16384,
    pool_url="btc.pool.example.com:3333",
)

MODELS: Final[dict[str, Model]] = {
    model.key: model for model in (L9_1_2, L9_1_3, S21_PRO, S19K_PRO)
}
DEFAULT_MIX: Final[dict[str, float]] = {
    L9_1_2.key: 0.6,
    L9_1_3.key: 0.2,
    S21_PRO.key: 0.1,
    S19K_PRO.key: 0.1,
}
"""A mostly scrypt fleet: the share of each model."""
