"""A miner that boots with another maker's firmware, and what finds it out."""

import asyncio
import json

import aiohttp
import pytest
from tests.unit.emulators.reading import asked, built

from minestream_dialects.detection import STEPS, Found, Step, recognise
from minestream_emulators.faults import FaultRefusedError
from minestream_emulators.fleet import Fleet
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet

DEADLINE_S = 10.0
PORTS = {"whatsminer-v3": 4433}


def answer_to(step: Step, kind: str) -> bytes | None:
    """What a model answers to a step, with the right credentials where they are wanted."""
    one = built(kind)
    model = one.miner.model
    if step.transport != model.transport:
        return None
    if step.transport == "tcp" and PORTS.get(model.family, 4028) not in step.ports:
        return None
    name = step.question
    if step.transport == "http":
        name = name.rpartition("/")[2].removesuffix(".cgi")
        if one.miner.model.family == "vnish" and not step.question.startswith("/api"):
            return None
    return asked(one, name, refusals=True)


# but for older Antminers' pages, which are known by the realm of their lock (test_found_out)
@pytest.mark.parametrize("kind", sorted(set(MODELS) - {"s9-web", "s9-vnish-3.9.0-web"}))
def test_every_emulated_miner_is_recognised_by_the_steps_in_their_order(kind: str) -> None:
    found: Found | None = None
    for step in STEPS:
        body = answer_to(step, kind)
        if body is not None:
            found = recognise(step, body, http_status=200, headers={})
        if found is not None:
            break
    assert found is not None
    assert (found.family, found.transport) == (MODELS[kind].family, MODELS[kind].transport)


def test_a_machine_with_two_firmwares_is_the_same_machine() -> None:
    pairs = [(model, MODELS[model.reflashed]) for model in MODELS.values() if model.reflashed]
    assert len(pairs) >= 6
    for one, other in pairs:
        assert (one.boards, one.chips, one.fans) == (other.boards, other.chips, other.fans)
        assert one.family != other.family


def only(fleet: Fleet) -> str:
    (miner,) = fleet.stations
    return miner


async def over_tcp(address: str, command: str) -> bytes:
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(json.dumps({"command": command}).encode())
        said = await reader.read(-1)
        writer.close()
        return said


async def test_a_reflashed_vnish_miner_answers_on_its_address_as_a_stock_one_until_healed() -> None:
    async with emulated_fleet(miners=1, mix={"l9-1.2.7": 1.0}) as fleet:
        (entry,) = fleet.inventory
        before = fleet.truth(only(fleet))["accepted_total"]
        await fleet.break_miner("reflashed")
        said = json.loads((await over_tcp(entry["address"], "version")).rstrip(b"\0"))
        assert said["VERSION"][0]["Type"] == "Antminer L9"
        truth = fleet.truth(only(fleet))
        assert (truth["family"], truth["faults"]) == ("antminer", ["reflashed"])
        assert truth["accepted_total"] < before
        assert fleet.inventory == [entry]
        await fleet.heal()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://{entry['address']}/api/v1/info") as response,
        ):
            assert (await response.json())["fw_name"] == "Vnish"
        assert fleet.truth(only(fleet))["family"] == "vnish"


async def test_a_miner_without_another_firmware_is_not_reflashed() -> None:
    async with emulated_fleet(miners=2, mix={"m60s-v3": 1.0}) as fleet:
        with pytest.raises(FaultRefusedError, match="no other firmware"):
            await fleet.break_miner("reflashed")
        with pytest.raises(FaultRefusedError, match="no other firmware"):
            await fleet.break_miner("reflashed", [next(iter(fleet.stations))])
