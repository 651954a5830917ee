"""Polls of Whatsminers whose mining program does not run, be it switched off or broken."""

import pytest
from tests.unit.collector_cgminer.test_polling import Miner, good, polling

from minestream_dialects import normalise
from minestream_schemas.raw import PollStatus
from minestream_schemas.telemetry import MinerStatus


def told(content: object) -> dict[str, object]:
    return {"STATUS": "S", "When": 1741500000, "Code": 131, "Msg": content, "Description": ""}


@pytest.mark.parametrize(
    ("off", "status"), [("true", MinerStatus.STOPPED), ("false", MinerStatus.FAILURE)]
)
async def test_a_whatsminer_without_its_program_is_stopped_or_has_failed_and_is_no_garbage(
    off: str, status: MinerStatus
) -> None:
    miner = Miner(
        {
            "summary": told("btminer process is down") | {"STATUS": "E", "Code": 14},
            "status": told({"mineroff": off, "FirmwareVersion": "20240101.12.Rel"}),
            "get_version": told({"api_ver": "2.0.5", "fw_ver": "20240101.12.Rel"}),
        }
    )
    async with polling(miner, "whatsminer") as poll:
        event = await poll()
    assert event.status is PollStatus.OK, event.error
    reading = normalise(event).telemetry
    assert (reading.status, reading.error) == (status, "btminer process is down")


async def test_a_whatsminer_whose_program_is_down_is_asked_for_no_numbers_until_it_works() -> None:
    down = told("btminer process is down") | {"STATUS": "E", "Code": 23}
    status = {"status": told({"mineroff": "true", "FirmwareVersion": "20240101.12.Rel"})}
    works = {
        "summary": good("SUMMARY", **{"Elapsed": 40, "MHS av": 1.0}),
        "get_version": told({"api_ver": "2.0.5", "fw_ver": "20240101.12.Rel"}),
        "devdetails": good("DEVDETAILS", Model="M50_VH75"),
        "pools": good("POOLS", URL="stratum+tcp://pool:3333"),
        **{name: good("DEVS", Slot=0, Temperature=60.0) for name in ("edevs", "devs")},
    }
    miner = Miner(dict.fromkeys(works, down) | status)
    async with polling(miner, "whatsminer") as poll:
        first = await poll()
        assert first.status is PollStatus.OK, first.error
        miner.asked.clear()
        await poll()
        assert miner.asked == ["summary"], "its status is not due, and the others are not there"
        miner.answers |= works
        event = await poll()
    assert event.firmware == "20240101.12.Rel"
    assert {name for name, body in event.endpoints.items() if body.status is PollStatus.OK} == {
        *works,
        "status",
    }
    assert normalise(event).telemetry.model == "M50_VH75"


async def test_a_whatsminer_v3_that_does_not_work_is_stopped_and_no_garbage() -> None:
    down = {"code": -1, "when": 1741500000, "msg": "btminer process is down err"}
    said = {"system": {"api": "3.0.1", "fwversion": "2024"}, "miner": {"working": "false"}}
    device = {"code": 0, "desc": "get.device.info", "msg": said}
    miner = Miner({"get.miner.status:summary": down, "get.device.info": device}, framed=True)
    async with polling(miner, "whatsminer-v3") as poll:
        event = await poll()
    assert event.status is PollStatus.OK, event.error
    assert normalise(event).telemetry.status is MinerStatus.STOPPED
