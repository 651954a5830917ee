"""Which miners there are: names, racks, models, addresses, all from one seed. Opens nothing."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any, Final

from minestream_emulators.identity import Identity
from minestream_emulators.model import Model, Preset
from minestream_emulators.models import DEFAULT_MIX, MODELS
from minestream_emulators.noise import seed_of
from minestream_emulators.physics import Climate, Miner

RACK_SIZE: Final = 12
PASSWORD: Final = "admin"  # noqa: S105 - the factory's own, printed in every manual
KNOWN_PASSWORD_EVERY: Final = 6
LOGINS: Final = {
    "antminer-web": ("root", "root"),
    "elphapex": ("root", "root"),
    "vnish-cgi": ("admin", "admin"),
}
"""By family: who gets in to see anything at all, as the factory has it."""
LONGEST_UPTIME_S: Final = 20 * 86400.0
_LAST_LOOPBACK: Final = int(IPv4Address("127.255.255.254"))


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What to emulate.

    Args:
        mix: model key to its share; need not add up to one.
        first_address: the first miner's; the others follow, .0 and .255 left out.
        one_address: all on ``first_address`` (ports differ), for systems that have only 127.0.0.1.
        untold: share of the miners of which the inventory says their address alone, 0…1.
    """

    miners: int
    seed: int = 7
    site: str = "demo"
    mix: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    first_address: str = "127.1.0.1"
    one_address: bool = False
    tariff_usd_per_kwh: float = 0.062
    untold: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            ValueError: no miners, an unknown model, an address outside 127.0.0.0/8.
        """
        if self.miners < 1:
            raise ValueError("a world needs at least one miner")
        if unknown := sorted(set(self.mix) - set(MODELS)):
            raise ValueError(f"unknown model {unknown[0]!r}; there are {', '.join(MODELS)}")
        if not self.mix or min(self.mix.values()) < 0 or sum(self.mix.values()) <= 0:
            raise ValueError("the mix needs shares above zero")
        if not 0.0 <= self.untold <= 1.0:
            raise ValueError(f"{self.untold} is no share: 0 to 1")
        if not IPv4Address(self.first_address).is_loopback:
            raise ValueError(f"{self.first_address} is no loopback address (127.0.0.0/8)")


@dataclass(frozen=True, slots=True)
class Resident:
    """One miner as planned."""

    who: Identity
    model: Model
    preset: Preset
    seed: int
    uptime_s: float


def addresses(first: str) -> Iterator[str]:
    """Loopback addresses from ``first`` on, without .0 and .255.

    Raises:
        ValueError: when the block ends.
    """
    number = int(IPv4Address(first))
    while number <= _LAST_LOOPBACK:
        if number & 0xFF not in (0, 0xFF):
            yield str(IPv4Address(number))
        number += 1
    raise ValueError(f"the loopback block has too few addresses after {first}")


def _apportion(plan: WorldPlan) -> list[Model]:
    """Model per miner: the mix as exactly as whole miners allow, then shuffled by the seed."""
    total = sum(plan.mix.values())
    exact = {key: plan.miners * share / total for key, share in plan.mix.items()}
    counts = {key: int(share) for key, share in exact.items()}
    rest = sorted(exact, key=lambda key: counts[key] - exact[key])
    for key in rest[: plan.miners - sum(counts.values())]:
        counts[key] += 1
    models = [MODELS[key] for key, count in counts.items() for _ in range(count)]
    random.Random(seed_of(plan.seed, "mix")).shuffle(models)
    return models


def _is_known(model: Model, number: int) -> bool:
    """Is the miner's password in the inventory? Always where nothing can be read without it."""
    if model.family in LOGINS:
        return True
    return model.family == "vnish" and number % KNOWN_PASSWORD_EVERY == 0


def residents(plan: WorldPlan) -> list[Resident]:
    """Every miner of the plan, in the order of racks and slots."""
    hosts = addresses(plan.first_address)
    out: list[Resident] = []
    for number, model in enumerate(_apportion(plan)):
        rng = random.Random(seed_of(plan.seed, "miner", number))
        rack, slot = number // RACK_SIZE + 1, number % RACK_SIZE + 1
        place = f"r{rack:02d}-s{slot:02d}"
        account = "minestream"
        username, password = LOGINS.get(model.family, (None, PASSWORD))
        who = Identity(
            number=number,
            miner_id=f"{plan.site}-{place}",
            site_id=plan.site,
            rack=rack,
            rack_id=f"{plan.site}-r{rack:02d}",
            slot=slot,
            host=plan.first_address if plan.one_address else next(hosts),
            mac="02:00:5E:" + ":".join(f"{byte:02X}" for byte in number.to_bytes(3, "big")),
            serial="N/A" if rng.random() < 0.5 else f"EMU{plan.seed:04d}{number:08d}",  # noqa: PLR2004
            worker=place,
            pool_user=account if model.algorithm == "scrypt" else f"{account}.{place}",
            ping_ms=rng.randint(8, 70),
            password=password,
            known_password=_is_known(model, number),
            tariff_usd_per_kwh=plan.tariff_usd_per_kwh,
            username=username,
            told=random.Random(seed_of(plan.seed, "told", number)).random() >= plan.untold,
        )
        weights = (0.8, 0.12, 0.08)[: len(model.presets)]
        preset = rng.choices(model.presets, weights=weights)[0]
        uptime_s = rng.uniform(3600.0, LONGEST_UPTIME_S)
        seed = seed_of(plan.seed, "body", number)
        out.append(Resident(who, model, preset, seed, uptime_s))
    return out


def refitted(resident: Resident, model: Model) -> Resident:
    """The same miner with another firmware, as its maker delivers it."""
    username, password = LOGINS.get(model.family, (None, PASSWORD))
    who = replace(resident.who, username=username, password=password)
    return replace(resident, who=who, model=model, preset=model.presets[0])


def climate(plan: WorldPlan) -> Climate:
    """The site's air."""
    return Climate(seed_of(plan.seed, "climate"))


def machine(resident: Resident, air: Climate, at_s: float) -> Miner:
    """The resident's machine, running warm at ``at_s``."""
    return Miner(
        model=resident.model,
        preset=resident.preset,
        climate=air,
        rack=resident.who.rack,
        seed=resident.seed,
        at_s=at_s,
        uptime_s=resident.uptime_s,
    )


def inventory_entry(resident: Resident, address: str) -> dict[str, Any]:
    """The miner as its operator would enter it: ``InventoryEntry``'s names plus credentials."""
    who, model = resident.who, resident.model
    entry: dict[str, Any] = {
        "miner_id": who.miner_id,
        "site_id": who.site_id,
        "rack_id": who.rack_id,
        "slot": who.slot,
        "address": address,
    }
    if who.told:
        entry |= {
            "transport": model.transport,
            "dialect": model.family,
            "model": model.name,
            "algorithm": model.algorithm,
        }
    else:
        entry["transport"] = "auto"
    entry |= {"workers": [who.worker], "tariff_usd_per_kwh": who.tariff_usd_per_kwh}
    if who.known_password:
        login = {} if who.username is None else {"username": who.username}
        entry["credentials"] = login | {"password": who.password}
    return entry
