"""What the pool owes an account, coin by coin."""

from minestream_dialects.fields import Flags, text
from minestream_dialects.merged import merged_with
from minestream_dialects.prohashing.values import amount, data_of, named
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.pool import PayoutKind, PoolBalance, PoolStats, RawPool


def balances(raw: RawPool, content: object) -> tuple[PoolBalance, ...]:
    """Read ``{"Litecoin": 0.0123, …}``; a coin whose balance is no number is left out.

    Raises:
        UnreadableError: no object, or not one balance can be read.
    """
    said = _coins(content, "balances")
    entries = {coin: {"balance": value} for coin, value in said.items()}
    return tuple(balance for balance, _ in _told(raw, "balances", said, entries))


def wallet(raw: RawPool, content: object) -> tuple[PoolBalance | PoolStats, ...]:
    """Read ``/wallet``: balance, unpaid and paid of each coin, by the coin's own name.

    A coin is paid out when its balance has passed the account's threshold.

    Raises:
        UnreadableError: it tells an error, or not one balance can be read.
    """
    said = _coins(data_of(content, "wallet").get("balances"), "wallet.data.balances")
    entries = {
        text(entry.get("name")) or key: entry
        for key, entry in said.items()
        if isinstance(entry, dict)
    }
    told = _told(raw, "wallet", said, entries)
    return (*(balance for balance, _ in told), *(_stats(raw, *each) for each in told))


def _coins(value: object, what: str) -> dict[str, object]:
    """What there is by coin; an empty list is how PHP writes that there is none."""
    return {} if value == [] else named(value, what)


def _stats(raw: RawPool, balance: PoolBalance, entry: dict[str, object]) -> PoolStats:
    flags = Flags()
    unpaid = balance.unpaid_coins
    return PoolStats(
        event_id=derived_id("pool-stats", raw.event_id, balance.coin),
        raw_event_id=raw.event_id,
        subject=balance.subject,
        ts=raw.received_at,
        account_id=raw.account_id,
        pool=raw.pool,
        coin=balance.coin,
        unpaid_coins=balance.balance_coins if unpaid is None else unpaid,
        paid_coins=balance.paid_coins,
        payout_scheme=raw.payout_scheme,
        payout_kind=PayoutKind.THRESHOLD,
        payout_threshold_coins=amount(
            entry.get("payoutThreshold"),
            name="payout_threshold_coins",
            flags=flags,
            required=False,
        ),
        merged_coins=merged_with(balance.coin),
        quality_flags=flags.sorted(),
    )


def _told(
    raw: RawPool, what: str, said: dict[str, object], entries: dict[str, dict[str, object]]
) -> tuple[tuple[PoolBalance, dict[str, object]], ...]:
    """Each coin's balance, and what it was read from."""
    told: dict[str, tuple[PoolBalance, dict[str, object]]] = {}
    for key, entry in entries.items():
        balance = _balance(raw, key, entry)
        if balance is not None:
            told[balance.coin] = (balance, entry)
    if said and not told:
        raise UnreadableError(f"{what}: not one balance of a coin in it")
    return tuple(told.values())


def _balance(raw: RawPool, key: str, entry: dict[str, object]) -> PoolBalance | None:
    flags = Flags()
    coin = text(key[:_MOST_COIN])
    balance = amount(entry.get("balance"), name="balance_coins", flags=flags)
    if coin is None or balance is None:
        return None
    return PoolBalance(
        event_id=derived_id("pool-balance", raw.event_id, coin),
        raw_event_id=raw.event_id,
        subject=f"{raw.account_id}/{coin}",
        ts=raw.received_at,
        account_id=raw.account_id,
        pool=raw.pool,
        coin=coin,
        balance_coins=balance,
        unpaid_coins=amount(entry.get("unpaid"), name="unpaid_coins", flags=flags, required=False),
        paid_coins=amount(entry.get("paid"), name="paid_coins", flags=flags, required=False),
    )


_MOST_COIN = 64
