"""Miners and their pool for ``bench_processor``: what they say, and what should follow from it."""

import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from minestream_dialects import normalise
from minestream_runtime.clock import new_event_id
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.feature import FEATURE
from minestream_schemas.pool import PoolRate, PoolWorker
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import CHIPS, TELEMETRY
from minestream_schemas.units import Algorithm
from minestream_schemas.window import WINDOW
from processor.adapters.polls import read_poll
from processor.adapters.readings import light_reading
from processor.adapters.state_codec import decode, decode_pool, encode, encode_pool
from processor.domain.miner_state import MinerState, to_us
from processor.domain.pool_state import PoolSaid, PoolState, remember, said_at
from processor.domain.references import Limits, References
from processor.domain.step import Reading, Rules, step

PAYLOADS: Final = Path(__file__).parents[1] / "fixtures" / "vnish"
RIDES_ALONG_S: Final = {"info": 3600, "status": 300, "perf-summary": 300}
INTERVAL_S: Final = 60
RATE_EVERY_S: Final = 60
POOL_EVERY_S: Final = 300
SCRIPTED: Final = 500
ACCOUNT: Final = "prohashing-main"
TARIFF: Final = 0.062
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Miner:
    """Says what a miner would at each of its polls, the same at each run."""

    def __init__(self, number: int, *, chips: bool) -> None:
        self.id = f"site-a-m{number:04d}"
        self._random = random.Random(number)
        self._chips = payload("chips") if chips else None
        self._fresh = {name: payload(name) for name in RIDES_ALONG_S}
        network = self._fresh["info"]["system"]["network_status"]
        network["mac"] = f"02:00:5E:00:{number >> 8:02X}:{number & 255:02X}"
        self._bodies: dict[str, EndpointBody] = {}

    def poll(self, number: int) -> RawMiner:
        """The poll of that number, a minute after the one before."""
        at = BEGIN + timedelta(seconds=INTERVAL_S * number)
        for name, every_s in RIDES_ALONG_S.items():
            if number * INTERVAL_S % every_s == 0:
                if name == "status":
                    self._fresh[name]["miner_state_time"] = 656_931 + INTERVAL_S * number
                self._bodies[name] = body(self._fresh[name], at)
        bodies = {"summary": body(self._summary(number), at), **self._bodies}
        if self._chips is not None and number % 5 == 0:
            bodies["chips"] = body(self._chips, at)
        return RawMiner(
            event_id=new_event_id(at),
            site_id="site-a",
            miner_id=self.id,
            collector_id="collector-vnish-0",
            dialect="vnish",
            polled_at=at,
            latency_ms=5.0,
            status=PollStatus.OK,
            interval_s=INTERVAL_S,
            endpoints=bodies,
            tariff_usd_per_kwh=TARIFF,
        )

    def at_pool(self, number: int) -> PoolWorker:
        """What its pool says of it at that number of five minutes."""
        event_id = new_event_id(BEGIN)
        return PoolWorker(
            event_id=event_id,
            raw_event_id=event_id,
            subject=self.id,
            ts=BEGIN + timedelta(seconds=POOL_EVERY_S * number),
            account_id=ACCOUNT,
            pool="prohashing",
            worker=self.id,
            miner_id=self.id,
            site_id="site-a",
            algorithm=Algorithm.SCRYPT,
            coin="Litecoin",
            hashrate_hs=1.7e10 + number,
            shares_recent=number,
        )

    def _summary(self, number: int) -> Any:
        said = payload("summary")
        miner, share = said["miner"], self._random.gauss(1, 0.01)
        for key in ("hr_realtime", "instant_hashrate"):
            miner[key] *= share
        for chain in miner["chains"]:
            chain["hashrate_rt"] *= self._random.gauss(1, 0.02)
            chain["power_consumption"] += self._random.randrange(-9, 9)
        miner["power_consumption"] = sum(one["power_consumption"] for one in miner["chains"])
        miner["chip_temp"]["max"] += self._random.randrange(-2, 2)
        for fan in miner["cooling"]["fans"]:
            fan["rpm"] += 30 * self._random.randrange(-3, 3)
        miner["pools"][0]["accepted"] += 21 * number
        miner["miner_status"]["miner_state_time"] += INTERVAL_S * number
        return said


def payload(name: str) -> Any:
    """A recorded body, to be changed."""
    file = PAYLOADS / f"l9_1.2.7_{name.replace('-', '_')}_assembled.json"
    return json.loads(file.read_bytes())


def body(said: Any, at: datetime) -> EndpointBody:
    """A body as compact as a miner sends it."""
    text = json.dumps(said, separators=(",", ":"))
    return EndpointBody(status=PollStatus.OK, fetched_at=at, http_status=200, body=text)


def rate(number: int) -> PoolRate:
    """What the pool pays in that minute."""
    event_id, at = new_event_id(BEGIN), BEGIN + timedelta(seconds=RATE_EVERY_S * number)
    return PoolRate(
        event_id=event_id,
        raw_event_id=event_id,
        subject="prohashing/scrypt",
        ts=at,
        account_id=ACCOUNT,
        pool="prohashing",
        algorithm=Algorithm.SCRYPT,
        unit_hs=1e6,
        usd_per_hs_day=4.5e-10 + number * 1e-14,
        received_at=at,
    )


class Alone:
    """One miner's events as the processor deals with them, without Kafka and Faust."""

    def __init__(self, polls: int) -> None:
        self._known = References(Limits())
        for number in range(polls * INTERVAL_S // RATE_EVERY_S):
            said = rate(number)
            self._known.note_rate(
                said.algorithm,
                said.pool,
                at_us=to_us(said.ts),
                event_id=said.event_id.bytes,
                usd=said.usd_per_hs_day,
                fee_ratio=None,
            )
        self.state: MinerState | None = None
        self._pool = PoolState()

    def deal_with(self, miner: Miner, number: int, value: bytes) -> tuple[Any, Any]:
        """One event: the outcome and the chips."""
        if number * INTERVAL_S % POOL_EVERY_S == 0:
            one = miner.at_pool(number * INTERVAL_S // POOL_EVERY_S)
            said = PoolSaid(to_us(one.ts), one.hashrate_hs, one.coin, one.pool)
            self._pool = remember(self._pool, said)
        pool = encode_pool(self._pool)
        blob = encode(self.state) if self.state else b""
        raw = read_poll(value)
        normalised = normalise(raw, make=light_reading)
        reading, at_us = normalised.telemetry, to_us(raw.polled_at)
        newest = said_at(decode_pool(pool), at_us, max_age_us=Limits().worker_us)
        worth = self._known.worth(reading.algorithm, newest, at_us)
        outcome = step(
            decode(blob) if blob else None,
            Reading(reading, raw.interval_s, worth=worth, tariff_usd_per_kwh=TARIFF),
            Rules(),
        )
        self.state = outcome.state
        return outcome, normalised.chips


def script(miner: Miner) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
    """What the processor writes and sends at each of a miner's events."""
    entries, alone = [], Alone(SCRIPTED)
    for number in range(SCRIPTED):
        outcome, chips = alone.deal_with(miner, number, miner.poll(number).to_json())
        told: list[tuple[Any, Any]] = [(TELEMETRY, outcome.telemetry)]
        told += [(CHIPS, chips)] if chips else []
        told += [(ANOMALY, outcome.anomaly)] if outcome.anomaly else []
        told += [(WINDOW, window) for window in outcome.windows]
        told += [(FEATURE, outcome.feature)] if outcome.feature else []
        entries.append(
            (encode(outcome.state), [(topic.name, event.to_json()) for topic, event in told])
        )
    return entries


def bare(miner: Miner, count: int) -> float:
    """Events per CPU-second of the same work without Kafka and Faust."""
    values = [miner.poll(number).to_json() for number in range(count)]
    alone = Alone(count)
    began = time.process_time()
    for number, value in enumerate(values):
        outcome, _ = alone.deal_with(miner, number, value)
        outcome.telemetry.to_json()
    return count / (time.process_time() - began)
