"""Vnish on port 4028: 3.8 and 3.9 of the S9, T9, L3+, and the port that 1.x keeps beside its web.

3.x says nothing of its state, and its voltages are hundredths of a volt; 1.x says both states and
thousandths. Both mark the pools that they mine at for their makers.
"""

from typing import Final

from minestream_dialects.cgminer import chains, identity, reading
from minestream_dialects.cgminer.answers import Row, note_silence, said, word
from minestream_dialects.cgminer.chip_rates import CHIP_RATES, read_chips
from minestream_dialects.cgminer.stock import SECTIONS, unit_of
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import RATIO, number
from minestream_dialects.vnish.boards import broken_codes
from minestream_dialects.vnish.summary import STATES

_CENTIVOLTS_FROM: Final = 2


def _version(payloads: Payloads) -> str | None:
    found = identity.vnish(identity.named(payloads, "Type")[0])
    return found[1] if found else word(reading.statistics(payloads), "build_version")


def recognise(payloads: Payloads) -> str | None:
    """By the type that stats or version name; else by the build version that 3.x alone has."""
    model, where = identity.named(payloads, "Type")
    if model is not None:
        return where if identity.vnish(model) is not None else None
    stats = reading.statistics(payloads)
    return "stats.build_version" if "build_version" in stats and chains.slots(stats) else None


def identify(payloads: Payloads) -> Draft:
    """Model, firmware, algorithm."""
    worded, _ = identity.named(payloads, "Type")
    found = identity.vnish(worded)
    draft = identity.identify(payloads, found[0] if found else worded)
    version = _version(payloads) or payloads.firmware
    draft.firmware = f"Vnish {version}" if version else None
    return draft


def _units_per_volt(payloads: Payloads) -> float | None:
    major = (_version(payloads) or payloads.firmware or "").partition(".")[0]
    if not (major.isascii() and major.isdigit()):
        return None
    return 100.0 if int(major[:3]) >= _CENTIVOLTS_FROM else 1000.0


def _read_state(stats: Row, draft: Draft) -> None:
    """1.x names its state; of 3.x it follows from the hashrate, which has been read."""
    state = stats.get("state")
    if isinstance(state, str) and state in STATES:
        draft.status = STATES[state]
    elif state is not None:
        draft.flags.invalid("status")
    duty, name = said(stats, "fan_pwm"), "fan_duty_ratio"
    ratio = number(duty, RATIO, name=name, flags=draft.flags, per=100, required=False)
    draft.fan_duty_ratio = ratio


def read(payloads: Payloads) -> Draft:
    """Read one poll of Vnish's port 4028."""
    draft = identify(payloads)
    if not note_silence(payloads, SECTIONS, draft):
        return draft
    tale = reading.told(payloads)
    unit = unit_of(tale, draft)
    volts = _units_per_volt(payloads)
    reading.read_miner(tale, unit, draft, volts=volts, fees_in_totals=True)
    _read_state(tale.stats, draft)
    draft.error_codes += broken_codes(draft.boards)
    draft.chips = read_chips(payloads, tale.stats, unit, draft)
    return draft


DIALECT: Final = Dialect(
    name="vnish-3",
    family="vnish-3",
    main="stats",
    needed=frozenset(SECTIONS),
    optional=frozenset({"version", CHIP_RATES}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset({"fan_duty_ratio"}),
)
