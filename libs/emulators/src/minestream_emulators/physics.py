"""One emulated miner as a thing: watts, heat, air, shares. Pure: seed and time are passed in.

Hashrate follows frequency, power follows hashrate and leakage, heat follows power and airflow,
the fans follow heat, the throttle follows what the fans cannot carry away. The state moves only
when somebody asks (``advance``), so a fleet that nobody polls costs nothing. Equal seeds and equal
sequences of instants give equal worlds.
"""

import math
import random
from collections import deque
from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from typing import Final

from minestream_emulators.model import Model, Preset
from minestream_emulators.noise import lattice, seed_of, wobble

STEP_S: Final = 5.0
SETTLE_S: Final = 240.0
CATCH_UP_S: Final = 60.0
WARM_UP_S: Final = 120.0
HEAT_S: Final = 40.0
FAN_S: Final = 9.0
AVERAGE_S: Final = 1800.0
SAMPLE_S: Final = 60.0
HOT_CHIP_C: Final = 34.0
COOL_DOWN_S: Final = 120.0
NULL_S, INITIALISING_S, STARTING_S, RAMP_S = 4.0, 12.0, 20.0, 15.0
MIN_DUTY: Final = 0.1
MIN_THROTTLE: Final = 0.2
_POISSON_BY_HAND: Final = 30.0


class Phase(StrEnum):
    """What the mining software is doing, in the firmware's words."""

    OFF = "off"
    """No power: nobody is there to say it."""
    INITIALISING = "initializing"
    STARTING = "starting"
    MINING = "mining"
    FAILURE = "failure"


class Ailment(StrEnum):
    """What can be broken in a miner's body."""

    HOT_CHIP = "hot-chip"
    DEAD_FAN = "dead-fan"
    LOST_BOARD = "lost-board"


@dataclass(frozen=True, slots=True)
class Climate:
    """The air in front of the racks: a day's wave, weather, and a rack's own corner."""

    seed: int
    mean_c: float = 24.0
    swing_c: float = 4.0

    def inlet_c(self, at_s: float, rack: int) -> float:
        """Air temperature at a rack's inlet, degrees C; warmest at 15:00 UTC."""
        day = self.swing_c * math.sin(2 * math.pi * (at_s / 86400.0 - 0.375))
        weather = 1.5 * wobble(self.seed, at_s, 5400.0)
        return self.mean_c + day + weather + 1.2 * lattice(self.seed, rack)


@dataclass(slots=True)
class Board:
    """One hash board."""

    slot: int
    quality: float
    position: float
    draw: float
    seed: int
    chip_qualities: tuple[float, ...]
    chip_temp_c: float = 25.0
    hot_c: float = 0.0
    hot: bool = False
    lost: bool = False
    power_w: float = 0.0
    load: float = 0.0
    hw_errors: int = 0
    hot_errors: int = 0

    @property
    def hottest_c(self) -> float:
        """The hottest chip, degrees C."""
        return self.chip_temp_c + self.hot_c


@dataclass(frozen=True, slots=True)
class Sample:
    """What the firmware's own history keeps of one minute."""

    at_s: float
    hashrate_hs: float
    chip_temp_c: float
    duty: float
    power_w: float


@dataclass(slots=True)
class Counters:
    """What only grows until a reboot."""

    accepted: int = 0
    rejected: int = 0
    stale: int = 0
    devfee_accepted: int = 0
    devfee_rejected: int = 0
    best_share: int = 0
    restarts: int = 0
    shares_at_s: float | None = None


@dataclass(slots=True)
class Miner:
    """The whole miner; see the module.

    Args:
        seed: of this miner alone.
        rack: which rack's air it breathes.
        at_s: the instant of its state, seconds since 1970 UTC.
        uptime_s: how long it has been running by then.
    """

    model: Model
    preset: Preset
    climate: Climate
    rack: int
    seed: int
    at_s: float
    uptime_s: InitVar[float]
    boards: list[Board] = field(init=False)
    fans_lost: list[bool] = field(init=False)
    phase: Phase = field(default=Phase.MINING, init=False)
    phase_since_s: float = field(init=False)
    booted_at_s: float = field(init=False)
    duty: float = field(default=0.8, init=False)
    throttle: float = field(default=1.0, init=False)
    average_hs: float = field(default=0.0, init=False)
    counters: Counters = field(default_factory=Counters, init=False)
    history: deque[Sample] = field(default_factory=lambda: deque(maxlen=96), init=False)
    _rng: random.Random = field(init=False)

    def __post_init__(self, uptime_s: float) -> None:
        """Make the machine as it left the factory, then let it run warm."""
        self._rng = random.Random(self.seed)
        self.boards = [self._new_board(slot) for slot in range(1, self.model.boards + 1)]
        self.fans_lost = [False] * self.model.fans
        self.booted_at_s = self.at_s - uptime_s
        self.phase_since_s = self.booted_at_s + STARTING_S
        if uptime_s <= STARTING_S:
            self.phase, self.phase_since_s = Phase.INITIALISING, self.booted_at_s
        until = self.at_s
        self.at_s -= min(uptime_s, WARM_UP_S)
        for board in self.boards:
            board.chip_temp_c = self.climate.inlet_c(self.at_s, self.rack) + self.model.rise_c
            board.load = 1.0
        self.average_hs = self.hashrate_hs()
        self._count(self.at_s - self.booted_at_s, mean_hs=self.average_hs)
        self.advance(until)

    def _new_board(self, slot: int) -> Board:
        rng = self._rng
        chips = [1.0 - abs(rng.gauss(0.0, 0.012)) for _ in range(self.model.chips)]
        for weak in rng.sample(range(self.model.chips), rng.choice((0, 0, 1, 2, 3))):
            chips[weak] = rng.uniform(0.75, 0.92)
        return Board(
            slot=slot,
            quality=sum(chips) / len(chips),
            position=rng.uniform(0.97, 1.01) + 0.02 * (slot - 1),
            draw=rng.uniform(0.985, 1.015),
            seed=seed_of(self.seed, "board", slot),
            chip_qualities=tuple(chips),
        )

    # -- what it shows ------------------------------------------------------------------------

    @property
    def inlet_c(self) -> float:
        """The air that it breathes now, degrees C."""
        return self.climate.inlet_c(self.at_s, self.rack)

    @property
    def power_w(self) -> float:
        """At the wall, W."""
        return sum(board.power_w for board in self.boards)

    @property
    def awake(self) -> bool:
        """Has the mining software come far enough to say anything of itself?"""
        return self.at_s - self.booted_at_s >= NULL_S

    @property
    def hottest_c(self) -> float:
        """The hottest chip of the boards that are there, degrees C; the inlet's when none is."""
        present = [board.hottest_c for board in self.boards if not board.lost]
        return max(present, default=self.inlet_c)

    def ideal_hs(self) -> float:
        """What a board would make with every chip at its best, H/s."""
        return self.model.ideal_hs(self.preset)

    def board_hs(self, board: Board) -> float:
        """What a board makes now, as the firmware's five-second mean says it, H/s."""
        steady = self.ideal_hs() * board.quality * board.load
        return steady * (1.0 + 0.018 * wobble(board.seed, self.at_s, 6.0))

    def hashrate_hs(self) -> float:
        """What the miner makes now, H/s."""
        return sum(self.board_hs(board) for board in self.boards)

    def fan_rpm(self, fan: int) -> int:
        """A fan's speed as its tachometer says it: steps of 30 a minute."""
        if self.fans_lost[fan] or self.phase is Phase.OFF:
            return 0
        speed = self.duty * self.model.max_rpm * (1.0 + 0.012 * lattice(self.seed, 1000 + fan))
        return min(self.model.max_rpm, 30 * round(speed / 30.0))

    # -- what is done to it -------------------------------------------------------------------

    def afflict(self, ailment: Ailment, at_s: float) -> None:
        """Break a part from ``at_s`` on; which one, the seed says."""
        self.advance(at_s)
        self._set(ailment, broken=True)

    def heal(self, ailment: Ailment, at_s: float) -> None:
        """Mend the part."""
        self.advance(at_s)
        self._set(ailment, broken=False)

    def _set(self, ailment: Ailment, *, broken: bool) -> None:
        if ailment is Ailment.HOT_CHIP:
            self.boards[self.seed % len(self.boards)].hot = broken
        elif ailment is Ailment.DEAD_FAN:
            self.fans_lost[self.seed // 7 % len(self.fans_lost)] = broken
        else:
            self.boards[self.seed // 11 % len(self.boards)].lost = broken

    def power_off(self, at_s: float) -> None:
        """Take the power away."""
        self.advance(at_s)
        self.phase, self.phase_since_s = Phase.OFF, self.at_s

    def boot(self, at_s: float) -> None:
        """Give the power back: every counter starts again at nothing."""
        self.advance(at_s)
        self.booted_at_s = self.at_s
        self.counters = Counters()
        self.average_hs, self.throttle = 0.0, 1.0
        self.history.clear()
        for board in self.boards:
            board.hw_errors = board.hot_errors = 0
        self.phase, self.phase_since_s = Phase.INITIALISING, self.at_s

    # -- time ---------------------------------------------------------------------------------

    def advance(self, at_s: float) -> None:
        """Bring the state to ``at_s``; an instant that has passed already changes nothing.

        Args:
            at_s: seconds since 1970 UTC.
        """
        gap_s = at_s - self.at_s
        if gap_s <= 0.0:
            return
        if gap_s > SETTLE_S + CATCH_UP_S:
            self._walk(self.at_s + SETTLE_S)
            self._coast(at_s - CATCH_UP_S)
        self._walk(at_s)

    def _walk(self, until_s: float) -> None:
        """Live through a short time step by step."""
        begin_s = self.at_s
        steps = math.ceil((until_s - begin_s) / STEP_S)
        for step in range(1, steps):
            self._step(begin_s + (until_s - begin_s) * step / steps)
        self._step(until_s)

    def _coast(self, until_s: float) -> None:
        """Skip a long time in which nothing changes but the weather: counters go on."""
        step_s, before_c = until_s - self.at_s, self.inlet_c
        self.at_s = until_s
        self._turn(until_s)
        for board in self.boards:
            board.chip_temp_c += self.inlet_c - before_c
        self._record(step_s)

    def _step(self, at_s: float) -> None:
        step_s, self.at_s = at_s - self.at_s, at_s
        self._turn(at_s)
        self._heat(step_s)
        self._govern(step_s)
        self._record(step_s)

    def _record(self, step_s: float) -> None:
        """What the miner keeps of the time gone by: averages, counters, its own history."""
        mean_hs = sum(self.ideal_hs() * board.quality * board.load for board in self.boards)
        self.average_hs += (mean_hs - self.average_hs) * -math.expm1(-step_s / AVERAGE_S)
        self._count(step_s, mean_hs=mean_hs)
        if not self.history or self.at_s - self.history[-1].at_s >= SAMPLE_S:
            self.history.append(
                Sample(self.at_s, self.hashrate_hs(), self.hottest_c, self.duty, self.power_w)
            )

    def _turn(self, at_s: float) -> None:
        """Go from phase to phase as far as time allows."""
        waits = {
            Phase.FAILURE: (COOL_DOWN_S, Phase.INITIALISING),
            Phase.INITIALISING: (INITIALISING_S, Phase.STARTING),
            Phase.STARTING: (STARTING_S - INITIALISING_S, Phase.MINING),
        }
        while self.phase in waits:
            wait_s, following = waits[self.phase]
            if at_s - self.phase_since_s < wait_s:
                return
            if self.phase is Phase.FAILURE:
                self.counters.restarts += 1
            self.phase_since_s += wait_s
            self.phase = following

    def _drive(self) -> float:
        """How much of its full work the miner is asked for, 0…1."""
        if self.phase is not Phase.MINING:
            return 0.0
        return -math.expm1(-(self.at_s - self.phase_since_s) / RAMP_S) * self.throttle

    def _heat(self, step_s: float) -> None:
        inlet_c, drive = self.inlet_c, self._drive()
        turning = sum(not lost for lost in self.fans_lost) / len(self.fans_lost)
        flow = max(0.05, turning * self.duty)
        resistance = (0.8 / flow) ** 0.7
        nominal_w = self.model.presets[0].watts / self.model.boards
        settle = -math.expm1(-step_s / HEAT_S)
        for board in self.boards:
            board.load = 0.0 if board.lost else drive
            leakage = 1.0 + 0.002 * min(60.0, max(-60.0, board.chip_temp_c - 70.0))
            share_w = self.preset.watts / self.model.boards
            board.power_w = share_w * board.draw * board.load * leakage
            dead_corner = 1.0 + (0.0 if turning == 1.0 else 0.12 * (board.slot == 1))
            rise_c = self.model.rise_c * board.power_w / nominal_w
            ends_c = inlet_c + rise_c * resistance * board.position * dead_corner
            board.chip_temp_c += (ends_c - board.chip_temp_c) * settle
            extra_c = HOT_CHIP_C * board.load if board.hot else 0.0
            board.hot_c += (extra_c - board.hot_c) * settle

    def _govern(self, step_s: float) -> None:
        """What the firmware does about the heat: fans, then throttle, then standstill."""
        hottest_c = self.hottest_c
        want = 0.8 + 0.04 * (hottest_c - self.model.target_c)
        want = min(1.0, max(MIN_DUTY, want)) if self.phase is not Phase.OFF else MIN_DUTY
        self.duty += (want - self.duty) * -math.expm1(-step_s / FAN_S)
        body_c = max((b.chip_temp_c for b in self.boards if not b.lost), default=self.inlet_c)
        change = -0.01 if body_c > self.model.throttle_c else 0.005
        self.throttle = min(1.0, max(MIN_THROTTLE, self.throttle + change * step_s))
        if self.phase is Phase.MINING and hottest_c > self.model.shutdown_c:
            self.phase, self.phase_since_s = Phase.FAILURE, self.at_s

    def _count(self, step_s: float, *, mean_hs: float) -> None:
        model, counters = self.model, self.counters
        user_hs = mean_hs * (1.0 - model.devfee_ratio)
        rate = user_hs / (model.share_hashes * model.share_difficulty)
        found = self._poisson(rate * step_s)
        rejected = min(found, self._poisson(rate * step_s * 0.0013))
        stale = min(found - rejected, self._poisson(rate * step_s * 0.0003))
        counters.accepted += found - rejected - stale
        counters.rejected += rejected
        counters.stale += stale
        if found:
            counters.shares_at_s = self.at_s - min(step_s, self._rng.expovariate(rate))
            best = int(model.share_difficulty * found / max(self._rng.random(), 1e-6))
            counters.best_share = min(2**52, max(counters.best_share, best))
        fee_hs = mean_hs * model.devfee_ratio
        fee = fee_hs / (model.share_hashes * model.devfee_difficulty) * step_s
        counters.devfee_accepted += self._poisson(fee)
        counters.devfee_rejected += self._poisson(fee * 0.0008)
        for board in self.boards:
            if board.load > 0.0:
                stress = math.exp(min(4.0, (board.chip_temp_c - 75.0) / 9.0))
                board.hw_errors += self._poisson(7e-6 * stress * step_s)
                if board.hot:
                    wrong = self._poisson(0.2 * step_s * board.load)
                    board.hot_errors += wrong
                    board.hw_errors += wrong

    def _poisson(self, mean: float) -> int:
        if mean <= 0.0:
            return 0
        if mean > _POISSON_BY_HAND:
            return max(0, round(self._rng.gauss(mean, math.sqrt(mean))))
        limit, product, count = math.exp(-mean), self._rng.random(), 0
        while product > limit:
            product *= self._rng.random()
            count += 1
        return count
