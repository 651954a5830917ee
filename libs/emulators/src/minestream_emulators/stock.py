"""Machines that run other firmware than Vnish's present one: their figures, from recordings.

Where a recording says chips, clock and hashrate, they are its own; watts and heat are data sheets'
or plausible.
"""

from dataclasses import replace
from typing import Final

from minestream_emulators.model import Model, Preset

_SCRYPT: Final = Model(
    key="",
    slug="",
    name="",
    series="",
    firmware="",
    algorithm="scrypt",
    boards=3,
    chips=1,
    domains=1,
    hash_per_mhz=1.0,
    stock_hs=1.0,
    presets=(Preset(1, 1, 1),),
    rise_c=44.0,
    target_c=70.0,
    max_rpm=6500,
    share_hashes=2.0**16,
    share_difficulty=1048576,
    difficulty_text="1.05M",
    devfee_difficulty=131072,
    pool_url="mining.prohashing.com:3333",
    devfee_ratio=0.0,
)
_SHA256: Final = replace(
    _SCRYPT,
    algorithm="sha256d",
    share_hashes=2.0**32,
    share_difficulty=262144,
    difficulty_text="262K",
    devfee_difficulty=16384,
    pool_url="stratum.braiins.com:3333",
)
_LOW_SCRYPT: Final = replace(_SCRYPT, share_difficulty=65536, difficulty_text="65.5K")
_LOW_SHA256: Final = replace(_SHA256, share_difficulty=65536, difficulty_text="65.5K")


def _machine(
    base: Model, *, boards: int, chips: int, board_hs: float, preset: Preset, **more: object
) -> Model:
    """A model by what one board makes at the preset."""
    per_mhz = board_hs / chips / preset.frequency_mhz
    figures = {"boards": boards, "chips": chips, "presets": (preset,), "hash_per_mhz": per_mhz}
    return replace(base, stock_hs=board_hs * boards, **(figures | more))  # type: ignore[arg-type]


_L9 = _machine(
    _SCRYPT,
    boards=3,
    chips=110,
    board_hs=5770.5e6,
    preset=Preset(3425, 1150, 14200),
    slug="l9",
    name="Antminer L9",
    domains=40,
    rise_c=50.0,
    target_c=75.0,
)
_L7 = _machine(
    _SCRYPT,
    boards=3,
    chips=120,
    board_hs=9500e6 / 3,
    preset=Preset(3425, 600, 14000),
    slug="l7",
    name="Antminer L7",
    rise_c=48.0,
    target_c=73.0,
)
_L3 = _machine(
    _LOW_SCRYPT,
    boards=4,
    chips=72,
    board_hs=126e6,
    preset=Preset(800, 384, 9500),
    slug="l3p",
    name="Antminer L3+",
    fans=2,
    rise_c=30.0,
    target_c=56.0,
)
_S19_PRO = _machine(
    _SHA256,
    boards=3,
    chips=114,
    board_hs=110e12 / 3,
    preset=Preset(3250, 525, 13700),
    slug="s19pro",
    name="Antminer S19 Pro",
)
_S19 = _machine(
    _SHA256,
    boards=3,
    chips=88,
    board_hs=31667e9,
    preset=Preset(3250, 675, 14000),
    slug="s19",
    name="Antminer S19",
)
_S9 = _machine(
    _LOW_SHA256,
    boards=3,
    chips=63,
    board_hs=4309.2e9,
    preset=Preset(1485, 600, 9200),
    slug="s9",
    name="Antminer S9",
    fans=2,
    rise_c=50.0,
    target_c=78.0,
)
_TOOLKIT = _machine(
    _SHA256,
    boards=3,
    chips=126,
    board_hs=50e12,
    preset=Preset(3400, 500, 13700),
    slug="s19xp",
    name="Antminer S19 XP",
)

_VNISH_FEE: Final = 0.02
STOCK_MODELS: Final = (
    replace(_L9, key="l9-stock", family="antminer", firmware="stock", reflashed="l9-1.2.7"),
    replace(_L7, key="l7-stock", family="antminer", firmware="stock", reflashed="l7-web"),
    replace(_L3, key="l3p-stock", family="antminer", firmware="stock", reflashed="l3p-vnish-3.8.6"),
    replace(_S19_PRO, key="s19pro-stock", family="antminer", firmware="stock"),
    replace(
        _L3,
        key="l3p-vnish-3.8.6",
        family="vnish-3",
        firmware="3.8.6",
        devfee_ratio=_VNISH_FEE,
        reflashed="l3p-stock",
    ),
    replace(_S9, key="s9-vnish-3.8.6", family="vnish-3", firmware="3.8.6", devfee_ratio=_VNISH_FEE),
    replace(_L9, key="l9-1.2.7-4028", family="vnish-3", firmware="1.2.7", devfee_ratio=0.028),
    replace(_L7, key="l7-web", family="antminer-web", firmware="stock", reflashed="l7-stock"),
    replace(_S19, key="s19-web", family="antminer-web", firmware="stock"),
    replace(_S9, key="s9-web", family="antminer-web", firmware="2017"),
    replace(_S9, key="s9-vnish-3.9.0-web", family="antminer-web", firmware="3.9.0"),
    _machine(
        _SCRYPT,
        boards=4,
        chips=204,
        board_hs=3557.25e6,
        preset=Preset(3920, 62, 14700),
        key="dg1p",
        slug="dg1p",
        name="DG1+",
        family="elphapex",
        firmware="1.0.2",
        rise_c=32.0,
        target_c=58.0,
    ),
    replace(_TOOLKIT, key="s19xp-toolkit", family="vnish-toolkit", firmware="toolkit"),
    replace(_S19, key="s19-cgi", family="vnish-cgi", firmware="1.0", digest=False),
    replace(_S19, key="s19-cgi-digest", family="vnish-cgi", firmware="1.0"),
    _machine(
        _LOW_SHA256,
        boards=3,
        chips=105,
        board_hs=22.65e12,
        preset=Preset(3417, 650, 11800),
        key="m30s-v1",
        slug="m30s",
        name="Whatsminer M30S",
        family="whatsminer",
        firmware="20210322.22.REL",
        fans=2,
        rise_c=50.0,
        target_c=78.0,
        max_rpm=7000,
    ),
    _machine(
        _SHA256,
        boards=3,
        chips=135,
        board_hs=42e12,
        preset=Preset(3200, 600, 13000),
        key="m50-v2",
        slug="m50",
        name="Whatsminer M50",
        family="whatsminer",
        firmware="20230803.11.REL",
        fans=2,
        rise_c=48.0,
        target_c=76.0,
    ),
    _machine(
        _SHA256,
        boards=3,
        chips=75,
        board_hs=57.0e12,
        preset=Preset(3156, 625, 13000),
        key="m60s-v3",
        slug="m60s",
        name="Whatsminer M60S",
        family="whatsminer-v3",
        firmware="20251209.16.Rel2",
        fans=2,
        rise_c=48.0,
        target_c=76.0,
    ),
    _machine(
        _LOW_SCRYPT,
        boards=4,
        chips=36,
        board_hs=155e6,
        preset=Preset(750, 1100, 9000),
        key="a4-sgminer",
        slug="a4",
        name="Innosilicon A4+ LTCMaster",
        family="cgminer",
        firmware="4.4.2",
        fans=4,
        rise_c=38.0,
        target_c=62.0,
    ),
    _machine(
        _LOW_SHA256,
        boards=3,
        chips=63,
        board_hs=16e12 / 3,
        preset=Preset(1480, 1400, 9000),
        key="t1-cgminer",
        slug="t1",
        name="Dragonmint T1",
        family="cgminer",
        firmware="4.10.0",
        fans=3,
        rise_c=46.0,
        target_c=72.0,
    ),
)
