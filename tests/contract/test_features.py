"""What the processor tells of each group has a column of its own at the feature store."""

from pathlib import Path

import pytest

from abacus_sink.domain.groups import DEFINITIONS
from abacus_sink.domain.rows import row_of
from minestream_schemas.feature import Feature
from minestream_schemas.market import CoinPrice
from minestream_schemas.pool import PoolWorker
from minestream_schemas.telemetry import MinerTelemetry
from processor.domain import features
from processor.domain.references import Indicators

EXAMPLES = Path(__file__).parents[2] / "libs" / "schemas" / "examples"


def example(topic: str) -> bytes:
    return (EXAMPLES / topic / "0001.json").read_bytes()


TOLD = [
    features.of_reading(MinerTelemetry.from_json(example("minestream.telemetry.v1"))),
    features.of_worker(PoolWorker.from_json(example("minestream.pool.worker.v1")), 4.5e-10),
    features.of_price(
        CoinPrice.from_json(example("minestream.market.price.v1")), Indicators(50.0, 1.0, 1.0, 0.6)
    ),
]


@pytest.mark.parametrize("feature", TOLD, ids=lambda feature: feature.group)
def test_each_feature_that_is_told_has_a_column_that_is_registered(feature: Feature) -> None:
    assert len(feature.words) >= 1
    assert row_of(feature).keys() <= DEFINITIONS[feature.group].columns.keys()
