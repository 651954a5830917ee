"""From a feature to the row that Abacus.AI keeps, or the reason why it cannot be one."""

import json
import math
import re
from datetime import UTC
from typing import Final

from abacus_sink.domain.groups import DEFINITIONS, PRIMARY_KEY, TIMESTAMP, Definition, Kind
from minestream_schemas.feature import Feature

Value = str | float | int
Row = dict[str, Value]
_COLUMN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ROW_ID_CHARACTERS: Final = 512


def row_of(feature: Feature) -> Row:
    """The row of a feature; what is not known is left out.

    Raises:
        ValueError: it cannot be one; the text says which column and why, without its value.
    """
    definition = DEFINITIONS[feature.group]
    if not 0 < len(feature.row_id) <= _ROW_ID_CHARACTERS:
        raise ValueError(f"row_id is empty or over {_ROW_ID_CHARACTERS} characters")
    row: Row = {
        PRIMARY_KEY: feature.row_id,
        definition.entity: feature.entity_id,
        TIMESTAMP: feature.ts.astimezone(UTC).isoformat(timespec="milliseconds"),
        "definition": feature.definition,
    }
    if feature.site_id is not None:
        row["site_id"] = feature.site_id
    if not feature.numbers and not feature.words:
        raise ValueError("it has no features")
    features: list[tuple[str, Value]] = [*feature.numbers.items(), *feature.words.items()]
    for name, value in features:
        column = column_of(definition, name)
        if column in row:
            raise ValueError(f"column {column} is there twice")
        row[column] = _typed(definition, column, value)
    return row


def column_of(definition: Definition, name: str) -> str:
    """The column of a feature: ``coin.id`` becomes ``coin_id``, as the SDK itself would have it.

    Raises:
        ValueError: no column can be called so.
    """
    column = definition.renamed.get(name, name).replace(".", "_")
    if not _COLUMN.fullmatch(column):
        raise ValueError(f"no column can be called {name[:60]!r}")
    return column


def size_of(row: Row) -> int:
    """Bytes of a row in a call's body."""
    return len(json.dumps(row)) + 2


def _typed(definition: Definition, column: str, value: Value) -> Value:
    wanted = definition.columns.get(column)
    if isinstance(value, str):
        if wanted not in {None, Kind.STRING, Kind.DATETIME}:
            raise ValueError(f"column {column} is {wanted} and the feature is text")
        return value
    if wanted in {Kind.STRING, Kind.DATETIME}:
        raise ValueError(f"column {column} is {wanted} and the feature is a number")
    if not math.isfinite(value):
        raise ValueError(f"column {column} is not finite")
    if wanted is Kind.INTEGER:
        if value != int(value):
            raise ValueError(f"column {column} is {wanted} and the feature is not whole")
        return int(value)
    return value
