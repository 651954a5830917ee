"""What networks' observers say of a chain's difficulty and hashrate.

Source: mempool's and litecoinspace's ``/api/v1/mining/hashrate/3d`` (one program, two chains),
litesolo's ``/api/v1/chains`` and minerstat's ``/v2/coins``; recorded answers in
``tests/fixtures/market``.
"""

from dataclasses import replace
from typing import Any, Final

from minestream_dialects.fields import Bounds, Flags, count, entry, text
from minestream_dialects.market.answer import Answer, number
from minestream_dialects.market.coins import BY_SYMBOL, COINS, HASHES_PER_DIFFICULTY, Coin
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.market import NetworkState
from minestream_schemas.units import algorithm_named

_DIFFICULTY: Final = Bounds(1e-6, 1e18)
_HASHRATE_HS: Final = Bounds(1.0, 1e27)
_REWARD_MOST: Final = 8.0
"""A reward only ever halves: what is said to be over eight times today's is none."""
_NOT_KNOWN: Final = -1
_AGREE: Final = 10.0
"""Hashrate and difficulty follow from each other; further apart, the hashrate's unit is not H/s."""
_CHAIN_OF: Final = {"litecoinspace": "litecoin", "mempool": "bitcoin"}


def hashrate_3d(answer: Answer) -> tuple[NetworkState, ...]:
    """Read ``{"currentHashrate": H/s, "currentDifficulty": …}`` of the one chain that it is about.

    Raises:
        UnreadableError: it is no such object, or its difficulty is impossible.
    """
    coin = COINS.get(answer.raw.coin_id or _CHAIN_OF.get(answer.raw.source, ""))
    if coin is None:
        raise UnreadableError("a chain that is not known")
    flags = Flags()
    state = _state(
        answer,
        coin,
        {
            "difficulty": entry(answer.value, "currentDifficulty"),
            "hash_rate": entry(answer.value, "currentHashrate"),
        },
        flags,
    )
    if state is None:
        raise UnreadableError(f"no difficulty ({', '.join(flags.sorted())})")
    return (state,)


def chains(answer: Answer) -> tuple[NetworkState, ...]:
    """Read ``{"LTC": {"height", "hash_rate" (H/s), "difficulty", "subsidy"}, "DOGE": …}``.

    Chains that we do not mine are passed over.

    Raises:
        UnreadableError: it is no such object, or has no chain of ours with a difficulty.
    """
    if type(answer.value) is not dict:
        raise UnreadableError("no chains")
    found: list[NetworkState] = []
    dropped = Flags()
    for symbol, chain in answer.value.items():
        coin = BY_SYMBOL.get(symbol)
        if coin is None or answer.raw.coin_id not in (None, coin.coin_id):
            continue
        state = _state(answer, coin, chain, Flags())
        if state is None:
            dropped.invalid(f"{coin.coin_id}.difficulty")
        else:
            found.append(state)
    lost = dropped.sorted()
    if not found:
        why = f" ({', '.join(lost)})" if lost else ""
        raise UnreadableError(f"no chain of ours with a difficulty{why}")
    return tuple(
        state.model_copy(update={"quality_flags": tuple(sorted({*state.quality_flags, *lost}))})
        for state in found
    )


def coins(answer: Answer) -> tuple[NetworkState, ...]:
    """Read ``[{"coin": "LTC", "network_hashrate": H/s, "difficulty", "reward_block"}, …]``.

    -1 stands for what is not known. Coins that we do not mine are passed over; so are those of our
    name and another algorithm.

    Raises:
        UnreadableError: it is no such list, or has no chain of ours with a difficulty.
    """
    if type(answer.value) is not list:
        raise UnreadableError("no list of coins")
    known = {
        text(entry(said, "coin")): {
            "difficulty": entry(said, "difficulty"),
            "hash_rate": _known(entry(said, "network_hashrate")),
            "subsidy": _known(entry(said, "reward_block")),
        }
        for said in answer.value
        if _is_that_chain(text(entry(said, "coin")), text(entry(said, "algorithm")))
    }
    return chains(replace(answer, value=known))


def _is_that_chain(symbol: str | None, algorithm: str | None) -> bool:
    coin = BY_SYMBOL.get(symbol or "")
    return coin is not None and algorithm_named(algorithm) is coin.algorithm


def _known(value: object) -> object:
    return None if value == _NOT_KNOWN else value


def _state(answer: Answer, coin: Coin, chain: Any, flags: Flags) -> NetworkState | None:
    """One chain; keys as litesolo has them, of which only the difficulty is always said."""
    difficulty = number(entry(chain, "difficulty"), _DIFFICULTY, name="difficulty", flags=flags)
    if difficulty is None:
        return None
    said = number(entry(chain, "hash_rate"), _HASHRATE_HS, name="hashrate_hs", flags=flags)
    follows_hs = difficulty * HASHES_PER_DIFFICULTY / coin.block_time_s
    if said is not None and not follows_hs / _AGREE <= said <= follows_hs * _AGREE:
        flags.invalid("hashrate_hs")
        said = None
    reward = number(
        entry(chain, "subsidy"),
        Bounds(1e-8, coin.block_reward_coins * _REWARD_MOST),
        name="block_reward_coins",
        flags=flags,
        required=False,
    )
    return NetworkState(
        event_id=derived_id("network", answer.raw.event_id, coin.coin_id),
        raw_event_id=answer.raw.event_id,
        ts=answer.raw.fetched_at,
        coin_id=coin.coin_id,
        symbol=coin.symbol,
        algorithm=coin.algorithm,
        source=answer.raw.source,
        difficulty=difficulty,
        hashrate_hs=said,
        block_reward_coins=coin.block_reward_coins if reward is None else reward,
        block_time_s=coin.block_time_s,
        height=count(entry(chain, "height"), name="height", flags=flags, required=False),
        quality_flags=tuple(sorted({*answer.flags, *flags.sorted()})),
    )
