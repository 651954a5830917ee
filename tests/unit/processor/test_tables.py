"""The tables of the state, as Faust and RocksDB keep them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
import pytest

from processor.adapters.app import make_app, pool_table, state_table
from processor.settings import ProcessorSettings

_BLOB = 64 * 1024
_WRITTEN = 24 * 1024 * 1024
_MOST = 3 * 6 * 1024 * 1024
"""Three pieces of 4 MiB, each with room beyond, where the disk is slower than we write."""


@pytest.mark.parametrize("make_table", [state_table, pool_table])
def test_what_rocksdb_has_not_written_to_a_file_is_bounded(
    tmp_path: Path, make_table: Callable[[faust.App], Any]
) -> None:
    app = make_app(ProcessorSettings(state_dir=tmp_path, kafka_bootstrap="127.0.0.1:1"))
    table = make_table(app)
    database = table.data._db_for_partition(0)
    for _ in range(_WRITTEN // _BLOB):
        database.put(b"m-1", os.urandom(_BLOB))
    held = database.property_int_value("rocksdb.cur-size-all-mem-tables")
    assert held <= _MOST
