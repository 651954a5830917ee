"""Messages of the pools that are asked over HTTP, made of recorded answers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import EndpointBody, PollStatus

FIXTURES = Path(__file__).parents[2] / "fixtures" / "pools"
AT = datetime(2026, 9, 22, 12, tzinfo=UTC)
RAW_ID = UUID("019aa6d6-d100-7c11-8e2a-5d0f6b7a8c90")


def said_of(*, key: str, address: str, coin: str) -> dict[str, dict[str, Any]]:
    """What an account of each pool says beside its name, by pool."""
    return {
        "ocean": {"address": address},
        "braiins": {"key": key},
        "litecoinpool": {"key": key},
        "f2pool": {"key": key, "user": "minestream", "coin": coin},
        "viabtc": {"key": key, "coin": coin},
    }


SNAPSHOTS: dict[str, dict[str, str]] = {
    "ocean": {
        "user_hashrate": "ocean_user_hashrate_assembled.json",
        "user_hashrate_full": "ocean_user_hashrate_full_assembled.json",
        "statsnap": "ocean_statsnap_2026_assembled.json",
    },
    "braiins": {"profile": "braiins_profile.json", "workers": "braiins_workers.json"},
    "litecoinpool": {"api": "litecoinpool_api_doge_assembled.json"},
    "f2pool": {
        "info": "f2pool_info_assembled.json",
        "workers": "f2pool_workers_assembled.json",
        "balance": "f2pool_balance_assembled.json",
        "user": "f2pool_user_assembled.json",
        "balance-dogecoin": "f2pool_balance_dogecoin_assembled.json",
    },
    "viabtc": {
        "hashrate": "viabtc_hashrate.json",
        "workers": "viabtc_workers.json",
        "account": "viabtc_account.json",
    },
}
REWARDS: dict[str, dict[str, str]] = {
    "ocean": {"earnpay": "ocean_earnpay_2026.json"},
    "braiins": {
        "rewards": "braiins_daily_rewards.json",
        "payouts": "braiins_payouts_assembled.json",
    },
    "f2pool": {
        "transactions": "f2pool_transactions_assembled.json",
        "transactions-dogecoin": "f2pool_transactions_dogecoin_assembled.json",
    },
    "viabtc": {
        "profit": "viabtc_profit.json",
        "payments": "viabtc_payments.json",
        "profit-dogecoin": "viabtc_profit_merged_assembled.json",
    },
}


def recorded(name: str) -> Any:
    """A recorded answer, decoded."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def of_files(files: dict[str, str]) -> dict[str, Any]:
    """The recorded answers of a cycle, decoded."""
    return {name: recorded(file) for name, file in files.items()}


def body(content: object, **fields: Any) -> EndpointBody:
    """One answer with this content; text stands as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    values: dict[str, Any] = {"status": PollStatus.OK, "fetched_at": AT, "body": text}
    return EndpointBody.model_validate(values | fields)


def message(
    pool: str, answers: dict[str, Any], about: PoolMessage = PoolMessage.SNAPSHOT, **fields: Any
) -> RawPool:
    """One cycle of one account of a pool."""
    values: dict[str, Any] = {
        "event_id": RAW_ID,
        "account_id": f"{pool}-main",
        "subject": f"{pool}-main",
        "collector_id": "collector-pool-0",
        "pool": pool,
        "dialect": pool,
        "message": about,
        "received_at": AT,
        "status": PollStatus.OK,
        "snapshot": about is PoolMessage.SNAPSHOT,
        "endpoints": {
            name: answer if isinstance(answer, EndpointBody) else body(answer)
            for name, answer in answers.items()
        },
    }
    return RawPool.model_validate(values | fields)


def nobody(_: str) -> None:
    """An inventory that knows no worker."""
