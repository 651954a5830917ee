"""Stock Antminers' own web pages: ``/cgi-bin/stats.cgi`` and its neighbours, behind Digest.

New pages (S19 and later) say ``rate_unit`` and list boards in ``chain``. Older ones (S9, L3+) put
everything into one answer of ``summary``, ``pools`` and ``devs`` with numbers as texts, or print
what port 4028 says; Vnish 3.x keeps them, and has a page more of each chip's hashrate. Of the
configuration only its pools' URL and user are read.
"""

from typing import Any, Final

from minestream_dialects.cgminer import identity, reading, stock
from minestream_dialects.cgminer.answers import (
    MAX_ROWS,
    Rates,
    Row,
    note_silence,
    positive,
    row,
    rows,
    said,
    word,
)
from minestream_dialects.cgminer.chains import MAX_FANS, MAX_SLOTS
from minestream_dialects.cgminer.chip_rates import CHIP_RATES, read_chips
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import entry, text

OLDER_MAIN: Final = "get_miner_status"
_OF_CHAIN: Final = {
    "chain_acn": ("asic_num", "chain_acn"),
    "chain_acs": ("asic", "chain_acs"),
    "chain_rate": ("rate_real", "rate"),
    "chain_rateideal": ("rate_ideal", "chain_rateideal"),
    "freq_avg": ("freq_avg", "freqavg", "freq"),
    "temp_chip": ("temp_chip", "temp2"),
    "temp_pcb": ("temp_pcb", "temp"),
    "chain_hw": ("hw",),
}
"""4028's keys, and where the pages say the same of one board."""


_TYPES: Final = (
    ("stats", "INFO", "type"),
    ("get_system_info", "minertype"),
    ("summary", "INFO", "type"),
)


def _type(payloads: Payloads) -> tuple[str | None, str]:
    """The type that a page names, and where."""
    for endpoint, *path in _TYPES:
        found = text(entry(payloads.bodies.get(endpoint), *path))
        if found is not None:
            return found, ".".join((endpoint, *path))
    return None, ""


def recognise(payloads: Payloads) -> str | None:
    """By the type that a page names; else by the pages' own shapes."""
    model, where = _type(payloads)
    if model is not None:
        return where if "antminer" in model.casefold() else None
    stats = row(payloads, "stats", "STATS")
    if isinstance(stats.get("chain"), list) and "rate_5s" in stats:
        return "stats.rate_5s"
    return "devs.chain_acn" if _old(payloads) else None


def _old(payloads: Payloads) -> Row:
    """The older pages' one answer; empty when there is none."""
    for endpoint in (OLDER_MAIN, "stats"):
        body = payloads.mapping(endpoint)
        if body is not None and isinstance(body.get("devs"), list) and "summary" in body:
            return body
    return {}


def identify(payloads: Payloads) -> Draft:
    """Model, firmware, algorithm. Vnish 3.x keeps Bitmain's pages, and names itself in the type."""
    model = _type(payloads)[0] or identity.named(payloads, "Type")[0]
    vnish = identity.vnish(model)
    draft = identity.identify(payloads, vnish[0] if vnish else model)
    if vnish is not None:
        draft.firmware = f"Vnish {vnish[1]}"
        return draft
    info = payloads.bodies.get("get_system_info")
    built = (
        text(entry(info, "system_filesystem_version"))
        or text(entry(info, "file_system_version"))
        or text(entry(payloads.bodies.get("stats"), "INFO", "CompileTime"))
    )
    draft.firmware = text(f"Bitmain {built}") if built else payloads.firmware
    return draft


def _told(payloads: Payloads) -> reading.Told:
    stats = row(payloads, "stats", "STATS")
    if "rate_5s" in stats or "chain" in stats:
        return _told_anew(payloads, stats)
    old = _old(payloads)
    return _told_of_old(old) if old else reading.told(payloads)


def _told_anew(payloads: Payloads, stats: Row) -> reading.Told:
    summary = row(payloads, "summary", "SUMMARY")
    flat: Row = {"elapsed": said(stats, "elapsed"), "miner_count": said(stats, "chain_num")}
    fans = stats.get("fan")
    if isinstance(fans, list):
        flat |= {f"fan{place}": speed for place, speed in enumerate(fans[:MAX_FANS], 1)}
        flat["fan_num"] = said(stats, "fan_num")
    flat |= _flat(stats.get("chain"), first=1)
    now, key = said(stats, "rate_5s"), "rate_5s"
    if now is None:
        now, key = said(stats, "rate_30m"), "rate_30m"
    found = Rates(None, now, key, said(stats, "rate_avg"), "rate_avg")
    nominal = positive(said(stats, "rate_ideal")) or None
    pools, unit = rows(payloads, "pools", "POOLS"), word(stats, "rate_unit")
    conf = payloads.bodies.get("get_miner_conf")
    modes = (stats.get("miner-mode"), entry(conf, "miner-mode"), entry(conf, "bitmain-work-mode"))
    mode = next((each for each in modes if each is not None), None)
    return reading.Told(flat, summary, pools, found, "stats", nominal, unit, mode)


def _told_of_old(page: dict[str, Any]) -> reading.Told:
    summary = page["summary"] if isinstance(page["summary"], dict) else {}
    totals = {key: summary.get(key) for key in ("accepted", "rejected", "stale", "hw", "elapsed")}
    devices = page["devs"][:MAX_SLOTS]
    flat = _flat(devices, first=0)
    first = next((device for device in devices if isinstance(device, dict)), {})
    # there are more places than fans, and nothing says how many fans
    flat |= {key: value for key, value in first.items() if key[:3] == "fan" and positive(value)}
    found = Rates("GHS", said(summary, "ghs5s"), "ghs5s", said(summary, "ghsav"), "ghsav")
    listed = page.get("pools")
    pools = (
        [pool for pool in listed[:MAX_ROWS] if isinstance(pool, dict)]
        if isinstance(listed, list)
        else None
    )
    return reading.Told(flat, totals, pools, found, "summary", None, None)


def _flat(chains: object, *, first: int) -> Row:
    """Boards in the keys of port 4028, so that one reader reads both.

    Args:
        chains: as the page lists them.
        first: what is to be added to their ``index``, so that slots are 4028's.
    """
    listed = [each for each in chains if isinstance(each, dict)] if isinstance(chains, list) else []
    listed = listed[:MAX_SLOTS]
    indices = [said(each, "index") for each in listed]
    slots = [at + first for at in indices if type(at) is int and 0 < at + first <= MAX_SLOTS]
    if len(set(slots)) != len(listed):
        slots = list(range(1, len(listed) + 1))
    return {
        f"{ours}{slot}": chain[theirs]
        for slot, chain in zip(slots, listed, strict=True)
        for ours, keys in _OF_CHAIN.items()
        if (theirs := next((key for key in keys if chain.get(key) is not None), None)) is not None
    }


def read_troubles(payloads: Payloads, draft: Draft) -> None:
    """What the summary's own checks complain of: ``temp:2001``; in Elphapex' pages as well."""
    checks = row(payloads, "summary", "SUMMARY").get("status")
    for check in checks[:MAX_ROWS] if isinstance(checks, list) else ():
        if not isinstance(check, dict) or word(check, "status") in (None, "s"):
            continue
        code = said(check, "code")
        number = f":{code}" if type(code) is int and abs(code) < 2**31 else ""
        draft.error_codes += (f"{word(check, 'type') or 'unknown'}{number}",)
        draft.error = draft.error or word(check, "msg")


def read(payloads: Payloads) -> Draft:
    """Read one poll of a stock Antminer's web pages."""
    draft = identify(payloads)
    if not _old(payloads) and not note_silence(payloads, stock.SECTIONS, draft):
        return draft
    tale = _told(payloads)
    if tale.pools is None:
        configured = entry(payloads.bodies.get("get_miner_conf"), "pools")
        first = next(iter(configured), None) if isinstance(configured, list) else None
        draft.pool_url = text(entry(first, "url"))
        draft.worker = draft.worker or text(entry(first, "user"))
    url = draft.pool_url
    unit = stock.unit_of(tale, draft)
    reading.read_miner(tale, unit, draft)
    draft.pool_url = draft.pool_url or url
    read_troubles(payloads, draft)
    draft.chips = read_chips(payloads, tale.stats, unit, draft)
    return draft


DIALECT: Final = Dialect(
    name="antminer-web",
    family="antminer-web",
    main="stats",
    needed=frozenset({"stats"}),
    optional=frozenset({"summary", "pools", "get_system_info", "get_miner_conf"})
    | {OLDER_MAIN, CHIP_RATES},
    older_main=OLDER_MAIN,
    recognise=recognise,
    identify=identify,
    read=read,
    never=stock.NEVER - {"boards.hashrate_expected_hs"} | {"boards.chips_ok"},
)
