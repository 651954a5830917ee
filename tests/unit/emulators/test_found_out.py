"""Our own means of finding out and asking, at emulated miners of every model over real sockets."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.emulators.reading import ENDPOINTS, of_family

from minestream_dialects.detection import STEPS, recognise
from minestream_emulators.fleet import Fleet
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_runtime.clock import SystemClock
from minestream_runtime.devices.cgminer import CgminerClient, CgminerError, Wire
from minestream_runtime.devices.connections import Devices
from minestream_runtime.discovery.probing import Ending, Prober

WIRES = {"whatsminer": Wire.WHATSMINER, "whatsminer-v3": Wire.WHATSMINER_V3}
TCP = of_family("antminer", "vnish-3", "cgminer", "whatsminer", "whatsminer-v3")
FAULTS = ("unreachable", "garbage-body", "truncated-json", "huge-body", "silent", "slow-drip")


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    async with Devices(per_host=2, keep_s=5.0, connect_s=3.0) as web:
        yield Prober(web, CgminerClient(), SystemClock(), steps=STEPS, recognise=recognise)


def only(fleet: Fleet) -> str:
    (station,) = fleet.stations.values()
    return station.address


@pytest.mark.parametrize("kind", sorted(MODELS))
async def test_what_an_unknown_miner_is_is_found_out_at_its_address_alone(
    kind: str, prober: Prober
) -> None:
    async with emulated_fleet(miners=1, mix={kind: 1.0}, untold=1.0) as fleet:
        (entry,) = fleet.inventory
        seen = await prober.look(entry["address"], offered=entry.get("credentials"))
        assert seen.ending is Ending.FOUND
        assert seen.finding is not None
        model = MODELS[kind]
        assert (seen.finding.family, seen.finding.transport) == (model.family, model.transport)
        # an older page behind its lock names nothing; port 4028, where it is open, says more
        assert seen.finding.locked == (kind in {"s9-web", "s9-vnish-3.9.0-web"})
        assert seen.address == entry["address"]


async def test_a_reflashed_miner_is_found_to_speak_another_language(prober: Prober) -> None:
    async with emulated_fleet(miners=1, mix={"l3p-stock": 1.0}) as fleet:
        said = []
        for fault in (None, "reflashed"):
            if fault is not None:
                await fleet.break_miner(fault)
            seen = await prober.look(only(fleet))
            assert seen.finding is not None
            said.append(seen.finding.family)
        assert said == ["antminer", "vnish-3"]


@pytest.mark.parametrize("kind", TCP)
async def test_our_client_has_an_answer_to_every_question_of_the_family(kind: str) -> None:
    client, family = CgminerClient(), MODELS[kind].family
    async with emulated_fleet(miners=1, mix={kind: 1.0}) as fleet:
        for command in ENDPOINTS[family]:
            wire = WIRES.get(family, Wire.CGMINER)
            answer = await client.ask(only(fleet), command, wire=wire)
            assert answer.body.lstrip().startswith(b'{"X-Reply-Id":"')


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_a_miner_does_our_client_ends_in_time_and_the_miner_goes_on(
    fault: str,
) -> None:
    client = CgminerClient()
    async with emulated_fleet(miners=1, mix={"s19pro-stock": 1.0}) as fleet:
        await fleet.break_miner(fault)
        try:
            answer = await client.ask(only(fleet), "stats", deadline_s=0.3)
        except CgminerError:
            answered = False
        else:
            answered = answer.body.endswith(b"}]}")
        assert not answered
        await fleet.heal()
        assert (await client.ask(only(fleet), "version", deadline_s=5.0)).body
