"""Keeps what a long run showed: one JSON file a subject, with commit and versions."""

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("faust-streaming", "mode-streaming", "aiokafka", "psycopg")


def record(subject: str, case: str, figures: dict[str, Any]) -> None:
    """Write down one case's figures in the place of its last ones."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{subject}.json"
    cases = json.loads(file.read_text()) if file.exists() else {}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git there is
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER,
    ).stdout.strip()
    cases[case] = {
        **figures,
        "commit": commit,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    file.write_text(json.dumps(cases, indent=1, sort_keys=True) + "\n")
