"""The collector on real Kafka, against emulated miners: the failure table row by row."""

import asyncio
import signal
from collections import Counter

from tests.component.collector_vnish.line import Line

from minestream_devstack.supervision import STOP_WAIT_S
from minestream_emulators.running import emulated_fleet
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner

TARGETS = "minestream_targets"


def of(polls: list[RawMiner], miner_id: str) -> list[RawMiner]:
    return [poll for poll in polls if poll.miner_id == miner_id]


async def test_every_miner_is_polled_and_its_answers_come_out_verbatim(line: Line) -> None:
    async with emulated_fleet(miners=6, replies=line.folder / "replies") as fleet:
        await line.enrol(fleet)
        line.start()
        polls = await line.polled(
            lambda polls: (
                Counter(poll.miner_id for poll in polls).total() >= 18
                and len({poll.miner_id for poll in polls}) == 6
            )
        )
        replies = {str(reply.reply) for reply in fleet.replies()}
    for poll in polls:
        assert poll.status is PollStatus.OK, poll.error
        assert poll.collector_id == "collector-vnish-0"
        assert {"info", "summary", "status", "perf-summary"} <= poll.endpoints.keys()
        assert {body.reply_id for body in poll.endpoints.values()} <= replies
        assert poll.firmware
        assert poll.interval_s == 1.0
    for miner_id in {poll.miner_id for poll in polls}:
        mine = of(polls, miner_id)
        assert [poll.polled_at for poll in mine] == sorted(poll.polled_at for poll in mine)
        with_chips = [poll for poll in mine if poll.endpoints.keys() & {"chips", "boards"}]
        assert len(with_chips) == 1, "chips have a cadence of their own"
    in_ledger = {entry["event"] for entry in line.ledger()}
    assert {str(poll.event_id) for poll in polls} <= in_ledger


DEADLINE_S = 5.0
TABLE = {
    "unreachable": PollStatus.REFUSED,
    "silent": PollStatus.TIMEOUT,
    "slow-drip": PollStatus.TIMEOUT,
    "garbage-body": PollStatus.GARBAGE,
    "truncated-json": PollStatus.GARBAGE,
    "huge-body": PollStatus.GARBAGE,
}


async def test_a_fault_of_a_miner_is_a_row_of_the_failure_table(line: Line) -> None:
    async with emulated_fleet(miners=len(TABLE) + 1) as fleet:
        *ill, well = [entry.miner_id for entry in await line.enrol(fleet)]
        sick = dict(zip(TABLE, ill, strict=True))
        for fault, miner_id in sick.items():
            await fleet.break_miner(fault, [miner_id])
        line.start(MINESTREAM_POLL_DEADLINE_S=f"{DEADLINE_S:g}")
        polls = await line.polled(
            lambda polls: all(of(polls, each) for each in ill) and len(of(polls, well)) >= 5
        )
    for fault, miner_id in sick.items():
        for poll in of(polls, miner_id):
            assert poll.status is TABLE[fault], (fault, poll.error)
            assert poll.error
            summary = poll.endpoints["summary"]
            assert summary.status is TABLE[fault]
            assert len(summary.body or "") <= 4096
            if TABLE[fault] is not PollStatus.GARBAGE:
                assert poll.interval_s > 1.0, "who is silent is asked less often"
    assert {poll.status for poll in of(polls, well)} == {PollStatus.OK}


async def test_an_address_outside_of_the_networks_is_not_called_and_told_once(line: Line) -> None:
    async with emulated_fleet(miners=1, replies=line.folder / "replies") as fleet:
        [entry] = await line.enrol(fleet)
        line.start(MINESTREAM_ALLOWED_NETWORKS="10.0.0.0/8")
        polls = await line.polled(lambda polls: len(polls) >= 2)
        assert not list(fleet.replies())
    for poll in polls:
        assert poll.status is PollStatus.REFUSED
        assert "outside of MINESTREAM_ALLOWED_NETWORKS" in (poll.error or "")
    log = (line.folder / "log-0").read_text()
    assert log.count("miner_outside_networks") == 1
    assert entry.address.partition(":")[0] in log


async def test_a_wrong_password_quarantines_settings_alone(line: Line) -> None:
    async with emulated_fleet(miners=1) as fleet:
        miner_id = fleet.inventory[0]["miner_id"]
        sealed = line.sealer.seal({"password": "not-the-password"}, miner_id=miner_id)
        entries = await line.enrol(fleet, sealed=sealed)
        line.start()
        polls = await line.polled(lambda polls: len(polls) >= 4)
        assert [poll.status for poll in polls[:4]] == [PollStatus.UNAUTHORISED] + [
            PollStatus.OK
        ] * 3
        assert polls[0].endpoints["summary"].body
        assert "settings" not in polls[1].endpoints
        right = line.sealer.seal({"password": "admin"}, miner_id=miner_id)
        await line.tell([entries[0].model_copy(update={"sealed": right})])
        polls = await line.polled(
            lambda polls: any(
                "settings" in poll.endpoints and poll.status is PollStatus.OK for poll in polls
            )
        )
    told = next(poll for poll in polls[1:] if "settings" in poll.endpoints)
    assert told.endpoints["settings"].status is PollStatus.OK
    everything = b"".join(await line.values(RAW_MINER))
    assert b"not-the-password" not in everything
    assert b'"pw"' not in everything


async def test_a_miner_that_is_added_moved_or_removed_needs_no_restart(line: Line) -> None:
    async with emulated_fleet(miners=3) as fleet:
        entries = await line.enrol(fleet)
        await line.tell([], removed=[entry.miner_id for entry in entries[1:]])
        line.start()
        await line.polled(lambda polls: len(polls) >= 3)
        await line.tell([entries[1]])
        polls = await line.polled(lambda polls: bool(of(polls, entries[1].miner_id)))
        assert not of(polls, entries[2].miner_id)
        await line.tell([], removed=[entries[0].miner_id])
        await line.measured(lambda seen: seen[TARGETS] == 1)
        polls = await line.polls()
        others = len(of(polls, entries[1].miner_id))
        later = await line.polled(lambda polls: len(of(polls, entries[1].miner_id)) >= others + 3)
        gone = of(later, entries[0].miner_id)
        assert len(gone) <= len(of(polls, entries[0].miner_id)) + 1, "one may have been under way"


async def test_sick_miners_cost_the_healthy_ones_no_poll(line: Line) -> None:
    async with emulated_fleet(miners=40) as fleet:
        entries = await line.enrol(fleet, interval_s=2.0)
        sick = {entry.miner_id for entry in entries[:12]}
        for miner_id in sick:
            await fleet.break_miner("slow-drip", [miner_id])
        line.start(
            MINESTREAM_IN_FLIGHT="8",
            MINESTREAM_SLOW_IN_FLIGHT="2",
            MINESTREAM_POLL_DEADLINE_S="10",
        )
        await line.measured(lambda seen: seen.get('miner_poll_total{status="ok"}', 0) >= 28 * 7)
        polls = await line.polls()
    counts = Counter(poll.miner_id for poll in polls if poll.miner_id not in sick)
    assert len(counts) == 28
    assert max(counts.values()) - min(counts.values()) <= 2, counts
    times = [poll.polled_at for poll in polls]
    rounds = (max(times) - min(times)).total_seconds() / 2.0
    # 12 who drip for 10 s in 8 places would leave the others a fifth; a machine that stalls, more
    assert min(counts.values()) >= rounds / 2, (rounds, counts)


async def settled(line: Line) -> None:
    """Two replicas have shared the 30 miners out."""
    async with asyncio.timeout(60):
        while True:
            shares = [(await asyncio.to_thread(line.metrics, each)).get(TARGETS) for each in "01"]
            if all(shares) and sum(share or 0 for share in shares) == 30:
                return
            await asyncio.sleep(0.2)


async def test_two_replicas_share_the_fleet_and_hand_over(line: Line) -> None:
    async with emulated_fleet(miners=30) as fleet:
        entries = await line.enrol(fleet)
        everybody = {entry.miner_id for entry in entries}
        first = line.start("0")
        await line.polled(lambda polls: {poll.miner_id for poll in polls} == everybody)
        second = line.start("1")
        await line.polled(
            lambda polls: any(poll.collector_id == "collector-vnish-1" for poll in polls)
        )
        await settled(line)
        since = max(poll.polled_at for poll in await line.polls())
        polls = await line.polled(
            lambda polls: {poll.miner_id for poll in polls if poll.polled_at > since} == everybody
        )
        owners = {poll.miner_id: poll.collector_id for poll in polls if poll.polled_at > since}
        by = Counter(owners.values())
        assert len(by) == 2
        assert min(by.values()) >= 5
        twice = {(p.miner_id, p.collector_id) for p in polls if p.polled_at > since}
        assert len(twice) == 30, "nobody is polled by both"
        assert first.poll() is None
        second.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(second.wait, STOP_WAIT_S) == 0
        since = max(poll.polled_at for poll in await line.polls())
        await line.polled(
            lambda polls: (
                {
                    poll.miner_id
                    for poll in polls
                    if poll.polled_at > since and poll.collector_id == "collector-vnish-0"
                }
                == everybody
            )
        )


async def test_an_entry_of_another_transport_is_left_to_others(line: Line) -> None:
    async with emulated_fleet(miners=2) as fleet:
        entries = await line.enrol(fleet)
        foreign = entries[0].model_copy(update={"transport": "tcp"})
        await line.tell([foreign])
        line.start()
        polls = await line.polled(lambda polls: len(of(polls, entries[1].miner_id)) >= 4)
        assert not of(polls, entries[0].miner_id)
