"""What the pool pays for hashing, and its fees."""

import re
from collections.abc import Mapping
from typing import Final

from minestream_dialects.fields import COUNT, Flags
from minestream_dialects.prohashing.values import (
    RATIO,
    amount,
    data_of,
    instant,
    named,
    told_at,
    whole,
)
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.pool import PoolRate, RawPool
from minestream_schemas.units import Algorithm, algorithm_named

MEGA: Final = 1e6
UNITS_HS: Final[Mapping[str, float]] = {
    "1": MEGA,
    "scrypt": MEGA,
    "2": MEGA,
    "sha256": MEGA,
    "4": MEGA,
    "x11": MEGA,
    "8": MEGA,
    "neoscrypt": MEGA,
    "10": MEGA,
    "ethash": MEGA,
    "18": MEGA,
    "equihash": MEGA,
    "29": MEGA,
    "lyra2rev2": MEGA,
    "34": MEGA,
    "cryptonightv8": MEGA,
}
"""How many H/s ``usd`` and ``btc`` are per, by the algorithm's id and by its name: MH/s for all.

Source: arithmetic over the recorded numbers of January 2019 (scrypt 0.0025 USD, SHA-256 1.33e-7
USD, both per MH/s and day, were the market's). One that is not listed is per MH/s too.
"""
ALGORITHMS: Final = {"1": Algorithm.SCRYPT, "2": Algorithm.SHA256D}
_RATES: Final = {
    "usd": "usd_per_hs_day",
    "btc": "btc_per_hs_day",
    "max_usd": "max_usd_per_hs_day",
    "max_btc": "max_btc_per_hs_day",
    "percentile_usd": "percentile_usd_per_hs_day",
    "percentile_btc": "percentile_btc_per_hs_day",
}
_FEES: Final = {"PPLNS": "pplns_fee", "PPS": "pps_fee"}
_LEAST_FACTOR: Final = 1.0


def _key(text: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(text).casefold())[:64]


def units_with(told: Mapping[str, float]) -> Mapping[str, float]:
    """The table of units where an operator has told some; whatever is not told is per MH/s.

    The table knows each algorithm twice, by id and by name. What is told stands alone: beside the
    table, a unit told by name would lose to the table's for the id.

    Args:
        told: H/s by an algorithm's id or name, in any spelling.
    """
    return {_key(name): unit_hs for name, unit_hs in told.items()} or UNITS_HS


def _algorithm(key: str, name: object) -> Algorithm:
    """The algorithm by its id at the pool, else by its name."""
    if key in ALGORITHMS:
        return ALGORITHMS[key]
    return algorithm_named(name if isinstance(name, str) else key)


def profitability(
    raw: RawPool, content: object, units_hs: Mapping[str, float]
) -> tuple[PoolRate, ...]:
    """Read ``{"1": {"usd": …}, …}``, whole or a part of it.

    Only algorithms that a miner of ours can compute are told.

    Raises:
        UnreadableError: no object, or not one entry of it is.
    """
    entries = named(content, "profitability")
    if entries and not any(isinstance(entry, dict) for entry in entries.values()):
        raise UnreadableError("profitability: not one of its entries is an object")
    rates: dict[Algorithm, PoolRate] = {}
    for key, entry in entries.items():
        fields = entry if isinstance(entry, dict) else {}
        name = fields.get("algorithm_name")
        algorithm = _algorithm(key, name)
        if algorithm is not Algorithm.UNKNOWN:
            unit_hs = units_hs.get(_key(key)) or units_hs.get(_key(name)) or MEGA
            rates[algorithm] = _rate(raw, algorithm, fields, unit_hs)
    return tuple(rates.values())


def _rate(
    raw: RawPool, algorithm: Algorithm, fields: dict[str, object], unit_hs: float
) -> PoolRate:
    flags = Flags()
    ts = told_at(fields.get("data_timestamp"), raw, flags)
    numbers = {
        ours: amount(
            fields.get(theirs),
            name=ours,
            flags=flags,
            per=unit_hs,
            required=theirs in {"usd", "btc"},
        )
        for theirs, ours in _RATES.items()
    }
    server_at = instant(
        fields.get("server_timestamp"), name="server_at", flags=flags, required=False
    )
    server_id = whole(fields.get("server_id"), name="server_id", flags=flags)
    return _told(
        raw,
        algorithm,
        flags,
        {
            **numbers,
            "ts": ts,
            "unit_hs": unit_hs,
            "server_at": server_at,
            "server_id": server_id,
        },
    )


def status(raw: RawPool, content: object) -> tuple[PoolRate, ...]:
    """Read ``/status``: the fee of the account's payout scheme, and an estimate in BTC.

    Where the account has chosen none, the fee is that of pay-per-share, the pool's usual scheme.

    The estimate's unit is ``mbtc_mh_factor``, in H/s: without it there is a fee and no rate.

    Raises:
        UnreadableError: it tells an error, or is of another shape.
    """
    entries = data_of(content, "status")
    if entries and not any(isinstance(entry, dict) for entry in entries.values()):
        raise UnreadableError("status.data: not one of its entries is an object")
    rates: dict[Algorithm, PoolRate] = {}
    for key, entry in entries.items():
        fields = entry if isinstance(entry, dict) else {}
        algorithm = _algorithm("", fields.get("name", key))
        if algorithm is not Algorithm.UNKNOWN:
            rates[algorithm] = _estimate(raw, algorithm, fields)
    return tuple(rates.values())


def _estimate(raw: RawPool, algorithm: Algorithm, fields: dict[str, object]) -> PoolRate:
    flags = Flags()
    factor = amount(
        fields.get("mbtc_mh_factor"),
        name="unit_hs",
        flags=flags,
        bounds=COUNT._replace(low=_LEAST_FACTOR),
    )
    btc = amount(
        fields.get("estimate_current"),
        name="btc_per_hs_day",
        flags=flags,
        per=factor or 1.0,
        required=False,
    )
    scheme = raw.payout_scheme or "PPS"
    fee = amount(
        fields.get(_FEES.get(scheme, "pps_fee")), name="fee_ratio", flags=flags, bounds=RATIO
    )
    return _told(
        raw,
        algorithm,
        flags,
        {
            "ts": raw.received_at,
            "unit_hs": factor or MEGA,
            "btc_per_hs_day": None if factor is None else btc,
            "fee_ratio": fee,
            "payout_scheme": scheme,
        },
    )


def _told(
    raw: RawPool, algorithm: Algorithm, flags: Flags, fields: Mapping[str, object]
) -> PoolRate:
    return PoolRate.model_validate(
        {
            **fields,
            "event_id": derived_id("pool-rate", raw.event_id, algorithm),
            "raw_event_id": raw.event_id,
            "subject": f"{raw.pool}/{algorithm}",
            "account_id": raw.account_id,
            "pool": raw.pool,
            "algorithm": algorithm,
            "received_at": raw.received_at,
            "quality_flags": flags.sorted(),
        }
    )
