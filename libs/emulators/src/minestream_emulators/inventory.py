"""The inventory file of an emulated world: YAML, a line per miner, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

_SHARED = ("site_id", "transport", "dialect", "tariff_usd_per_kwh")


def inventory_text(entries: list[dict[str, Any]]) -> str:
    """Word the entries as YAML; what all share stands once, under ``defaults``.

    A line is JSON, which is YAML too, and a thousand of them cost nothing to write.
    """
    first = entries[0]
    alike = [key for key in _SHARED if all(entry.get(key) == first.get(key) for entry in entries)]
    shared = {key: first[key] for key in alike if key in first}
    lines = ["# An emulated fleet; written by minestream_emulators at each start.", "defaults:"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in shared.items()] or ["  {}"]
    lines.append("miners:")
    for entry in entries:
        own = {key: value for key, value in entry.items() if key not in shared}
        lines.append(f"  - {json.dumps(own)}")
    return "\n".join(lines) + "\n"


def write_inventory(path: Path, entries: list[dict[str, Any]]) -> None:
    """Replace the file by these entries, atomically.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(inventory_text(entries), encoding="utf-8")
    fresh.replace(path)
