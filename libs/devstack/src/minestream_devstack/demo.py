"""The demonstration: an emulated world, the whole stack, and a first reading at the gateway."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from minestream_devstack.home import MARK
from minestream_devstack.ports import HOST, answers
from minestream_devstack.services import EMULATORS, Program
from minestream_devstack.stack import Stack, Wish
from minestream_devstack.supervision import State
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import ConfigurationError

SITE: Final = "demo"
"""The site of every emulated miner."""
SOONER: Final = {
    "MINESTREAM_TEMPERATURE_FOR_S": "20",
    "MINESTREAM_TEMPERATURE_RESOLVE_S": "30",
    "MINESTREAM_FEATURE_EVERY_S": "60",
    "MINESTREAM_ARCHIVE_FILE_AGE_S": "60",
    "MINESTREAM_MARKET_PRICE_EVERY_S": "30",
    "MINESTREAM_MARKET_NETWORK_EVERY_S": "30",
    "MINESTREAM_MARKET_COINS_EVERY_S": "60",
    "MINESTREAM_MARKET_CHART_EVERY_S": "300",
    "MINESTREAM_MARKET_STALE_AFTER_S": "90",
    "MINESTREAM_COINGECKO_CALLS_PER_MIN": "60",
}
"""Who looks on should not have to wait: what takes minutes on a farm takes seconds here."""
_TOLD_TO_STOP: Final = frozenset({"STOPPING", "STOPPED"})
OCEAN_ADDRESS: Final = "bc1qminestreamemulated0000000000000000000"
"""Of the emulated pool's one account."""
FOREIGN: Final = ("MINESTREAM_KAFKA_BOOTSTRAP", "MINESTREAM_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class World:
    """An emulated world to demonstrate with.

    Args:
        miners: how many.
        seed: the same seed, the same world.
        fault: a scripted fault that it begins with.
    """

    miners: int
    seed: int
    fault: str | None = None

    @property
    def interval_s(self) -> float:
        """Seconds between two polls of a miner."""
        return max(5.0, self.miners / 40)


@dataclass(slots=True)
class Watch:
    """Notices programs that did not stay up."""

    pids: dict[str, int | None] = field(default_factory=dict)
    fallen: set[str] = field(default_factory=set)

    def look(self, states: list[State]) -> list[str]:
        """The programs that fell since the last look."""
        fell = []
        for state in states:
            before = self.pids.setdefault(state.name, state.pid)
            if state.phase in _TOLD_TO_STOP:
                continue
            if state.pid != before or state.phase != "RUNNING":
                if state.name not in self.fallen or state.pid != before:
                    fell.append(state.name)
                self.fallen.add(state.name)
                self.pids[state.name] = state.pid
        return fell


@dataclass(frozen=True, slots=True)
class Where:
    """On which ports an emulated world is.

    Args:
        control: it takes orders.
        miners: of every miner, each at an address of its own.
        outside: pool, markets, inbox, feature store.
        mail: the inbox takes mail.
    """

    control: int
    miners: int
    outside: int
    mail: int

    @property
    def exports(self) -> dict[str, str]:
        """What makes services ask this world instead of the real one."""
        web = f"{HOST}:{self.outside}"
        return {
            "MINESTREAM_POOL_PROFILE": "live",
            "MINESTREAM_POOL_WAMP_URL": f"ws://{web}/prohashing/ws",
            "MINESTREAM_POOL_HTTP_URL": f"http://{web}/prohashing/api/v1",
            "MINESTREAM_POOL_API_KEY": "demo-key",
            "MINESTREAM_COINGECKO_URL": f"http://{web}/coingecko/api/v3",
            "MINESTREAM_CMC_URL": f"http://{web}/coinmarketcap",
            "MINESTREAM_CMC_KEY": "cmc-emulated",
            "MINESTREAM_LITECOINSPACE_URL": f"http://{web}/network/litecoinspace",
            "MINESTREAM_MEMPOOL_URL": f"http://{web}/network/mempool",
            "MINESTREAM_LITESOLO_URL": f"http://{web}/network/litesolo",
            "MINESTREAM_MINERSTAT_URL": f"http://{web}/network/minerstat",
            "MINESTREAM_ABACUS_URL": f"http://{web}/abacus",
            "MINESTREAM_ABACUS_KEY": "demo-key",
            "MINESTREAM_WEBHOOK_URL": f"http://{web}/inbox/hook",
            "MINESTREAM_WEBHOOK_SECRET": "demo-secret",
            "MINESTREAM_SMTP_URL": f"smtp://{HOST}:{self.mail}",
            "MINESTREAM_MAIL_FROM": "minestream@demo.invalid",
            "MINESTREAM_MAIL_TO": "operator@demo.invalid",
        }


def emulators(stack: Stack, world: World, where: Where) -> Program:
    """The program of an emulated world.

    Args:
        stack: beside which it runs.
        world: what it shall be.
        where: its ports.
    """
    folder = stack.home.folder / "demo"
    folder.mkdir(exist_ok=True)
    control = f"{HOST}:{where.control}"
    command = [sys.executable, "-m", "minestream_emulators"]
    command += ["--miners", str(world.miners), "--seed", str(world.seed), "--mixed"]
    command += ["--inventory", str(inventory(stack)), "--replies", str(folder / "replies.jsonl")]
    command += ["--control", control, "--port", str(where.miners)]
    command += ["--outside", f"{HOST}:{where.outside}", "--smtp-port", str(where.mail)]
    if world.fault is not None:
        command += ["--fault", world.fault]
    return Program(
        EMULATORS,
        tuple(command),
        {MARK: str(stack.home.id), "PYTHONUNBUFFERED": "1"},
        exports={
            **where.exports,
            "MINESTREAM_POOLS_FILE": str(_accounts(folder / "pools.yaml", where)),
            **SOONER,
            "MINESTREAM_EMULATOR_CONTROL": control,
            "MINESTREAM_DEMO": "1",
            "MINESTREAM_POLL_INTERVAL_S": f"{world.interval_s:g}",
            "MINESTREAM_TRACE_RATIO": os.environ.get("MINESTREAM_TRACE_RATIO") or "1",
        },
    )


def _accounts(file: Path, where: Where) -> Path:
    """Write the accounts at the emulated pools that are asked over HTTP."""
    file.write_text(
        "accounts:\n"
        "  - account_id: ocean-demo\n"
        "    pool: ocean\n"
        f"    url: http://{HOST}:{where.outside}/pools/ocean\n"
        f"    address: {OCEAN_ADDRESS}\n"
        "    interval_s: 30\n"
    )
    return file


def inventory(stack: Stack) -> Path:
    """Where the emulated world writes which miners it has."""
    return stack.home.folder / "demo" / "inventory.yaml"


def begin(stack: Stack, world: World) -> None:
    """Start world and stack, enter the fleet, and wait for its first reading.

    Raises:
        ConfigurationError: something did not start, or no reading came.
    """
    refuse_what_is_not_ours(os.environ)
    stack.end_leftovers()
    began_at = SystemClock().now()
    port = stack.claim(EMULATORS, 8490)
    inventory(stack).unlink(missing_ok=True)
    where = Where(
        control=port,
        miners=stack.claim_beside("miners", 8780, program=EMULATORS, everywhere=True),
        outside=stack.claim_beside("outside", 8491, program=EMULATORS),
        mail=stack.claim_beside("mail", 8492, program=EMULATORS),
    )
    program = emulators(stack, world, where)
    stack.up(Wish.told(extra=[program]), alone=True)
    with stack.screen.step(f"{world.miners} emulated miners"):
        _wait_for_world(stack, port)
    with stack.screen.step("inventory"):
        _refuse_another_fleet(stack)
        _inventory_command(stack, "import", str(inventory(stack)), "--prune", "--yes")
    with stack.screen.step("first reading at the gateway"):
        _wait_for_reading(stack.home.exports["MINESTREAM_GATEWAY_URL"], since=began_at)


def refuse_what_is_not_ours(environ: Mapping[str, str]) -> None:
    """The demo enters a fleet of its own, so it keeps away from servers that others use.

    Raises:
        ConfigurationError: the environment leads to such servers.
    """
    given = [name for name in FOREIGN if environ.get(name)]
    if given:
        raise ConfigurationError(
            f"the demo brings servers of its own and would replace the fleet of others: "
            f"unset {', '.join(given)}"
        )


def _refuse_another_fleet(stack: Stack) -> None:
    listed = _inventory_command(stack, "list", "--json")
    others = [
        entry["miner_id"]
        for entry in map(json.loads, listed.splitlines())
        if entry["site_id"] != SITE
    ]
    if others:
        raise ConfigurationError(
            f"this stack has a fleet of its own ({others[0]} and {len(others) - 1} more): "
            "run the demo in another folder"
        )


def _inventory_command(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - a command of our own making
        [sys.executable, "-m", "minestream_devstack", "inventory", *arguments],
        env={**os.environ, **stack.home.exports},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigurationError(f"the inventory was refused: {done.stderr or done.stdout}")
    return done.stdout


def _wait_for_world(stack: Stack, port: int, *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not (inventory(stack).exists() and answers(port)):
        if time.monotonic() > deadline:
            raise ConfigurationError("the emulated world did not start: minestream logs emulators")
        time.sleep(0.1)


def _wait_for_reading(gateway: str, *, since: datetime, within_s: float = 120) -> None:
    deadline, last = time.monotonic() + within_s, "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{gateway}/api/v1/miners", timeout=5) as answer:  # noqa: S310 - our own gateway
                items = json.load(answer)["items"]
            readings = [datetime.fromisoformat(item["ts"]) for item in items if item.get("ts")]
            if any(ts >= since for ts in readings):
                return
            last = f"{len(items)} miners, none with a fresh reading"
        except (urllib.error.URLError, OSError, ValueError, KeyError) as exc:
            last = str(exc)
        time.sleep(0.25)
    raise ConfigurationError(
        f"no reading within {within_s:.0f} s ({last}): minestream logs collector-vnish, processor"
    )
