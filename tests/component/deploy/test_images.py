"""What the Dockerfile does, without Docker: a service runs on its part of the lock file alone."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from minestream_runtime.service import EXIT_CONFIGURATION

ROOT = Path(__file__).parents[3]
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir())
NEITHER = {"PYTHONPATH", "VIRTUAL_ENV"}


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, timeout=600)


@pytest.mark.soak
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_on_its_own_part_of_the_lock_file(service: str, tmp_path: Path) -> None:
    parts, image = tmp_path / "parts", tmp_path / "image"
    run(sys.executable, ROOT / "deploy/docker/parts.py", f"services/{service}", parts)
    venv.create(tmp_path / "build", with_pip=True)
    venv.create(image)
    pip = (tmp_path / "build/bin/pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "install", "--require-hashes", "-r", parts / "build.lock")
    into = (*pip, "--python", image / "bin/python", "install")
    run(*into, "--require-hashes", "-r", parts / "requirements.lock")
    sources = sorted((parts / "src").iterdir())
    wheels = parts / "wheels"
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, *sources)
    run(*into, "--no-deps", "--no-index", *sorted(wheels.glob("*.whl")))

    # everything is imported before settings are read, and the refusal is the service's own
    ended = subprocess.run(
        [str(image / "bin/python"), "-m", service.replace("-", "_")],
        env={
            **{name: value for name, value in os.environ.items() if name not in NEITHER},
            "MINESTREAM_KAFKA_REPLICATION": "none",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == EXIT_CONFIGURATION, ended.stdout + ended.stderr
    assert "MINESTREAM_KAFKA_REPLICATION" in ended.stdout + ended.stderr
    told = subprocess.run(
        [str(image / "bin/minestream"), "--help"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "cannot be loaded" not in told.stdout
    assert "topics" in told.stdout
