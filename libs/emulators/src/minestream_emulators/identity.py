"""Who an emulated miner is: name, place, address, pool account. Made from the world's seed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """One miner's names and addresses.

    Args:
        host: the address it listens on.
        worker: its name at the pool.
        pool_user: the account that it mines for.
        password: what unlocks its settings, or its web pages.
        known_password: is the password in the inventory (few are)?
        username: beside the password, where its firmware asks for one.
        told: does the inventory say what it is and speaks, or its address alone?
    """

    number: int
    miner_id: str
    site_id: str
    rack: int
    rack_id: str
    slot: int
    host: str
    mac: str
    serial: str
    worker: str
    pool_user: str
    ping_ms: int
    password: str
    known_password: bool
    tariff_usd_per_kwh: float
    username: str | None = None
    told: bool = True
