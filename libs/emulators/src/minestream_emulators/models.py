"""The machines that the emulated world is made of.

Knows figures, not time: physics moves them, the firmware's module words them.
"""

from typing import Final

from minestream_emulators.model import Model, Preset
from minestream_emulators.stock import STOCK_MODELS

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
        reflashed="l9-stock",
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
    model.key: model for model in (L9_1_2, L9_1_3, S21_PRO, S19K_PRO, *STOCK_MODELS)
}
DEFAULT_MIX: Final[dict[str, float]] = {
    L9_1_2.key: 0.6,
    L9_1_3.key: 0.2,
    S21_PRO.key: 0.1,
    S19K_PRO.key: 0.1,
}
"""A mostly scrypt fleet: the share of each model."""
MIXED_MIX: Final[dict[str, float]] = {
    L9_1_2.key: 0.50,
    L9_1_3.key: 0.15,
    S21_PRO.key: 0.08,
    S19K_PRO.key: 0.05,
    "l7-stock": 0.06,
    "l3p-stock": 0.03,
    "m60s-v3": 0.03,
    "m50-v2": 0.02,
    "l7-web": 0.04,
    "dg1p": 0.04,
}
"""The same fleet with a few miners of other makers and of stock firmware, TCP and HTTP."""
