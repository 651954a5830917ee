"""The files that ``MINESTREAM_CONFIG`` names, as settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from minestream_runtime.config.marks import PREFIX, Outcome, Setting, outcomes
from minestream_runtime.config.reading import Read, read
from minestream_runtime.documents import DocumentError, text_of
from minestream_runtime.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Given:
    """What one file gives, and where.

    Args:
        file: it.
        read: what it says.
        outcomes: what becomes of it.
    """

    file: Path
    read: Read
    outcomes: tuple[Outcome, ...]

    def place(self, outcome: Outcome) -> str:
        """``file:line``, for people."""
        return f"{self.file}:{self.read.line(outcome.at)}"

    def settings(self) -> Iterator[Setting]:
        """The settings among the outcomes."""
        return (each for each in self.outcomes if isinstance(each, Setting))


def load(files: Sequence[Path], environment: Mapping[str, str]) -> list[Given]:
    """Read files, all of them.

    Args:
        files: in any order; two may not disagree.
        environment: fills in ``${NAME}``.

    Raises:
        ConfigurationError: with every fault of every file: file, line, what is allowed.
    """
    found: list[Given] = []
    faults: list[str] = []
    for file in files:
        try:
            said = read(text_of(file), environment)
        except DocumentError as exc:
            faults += [f"{file}:{fault.line}: {fault.text}" for fault in exc.faults]
            continue
        found.append(Given(file, said, tuple(outcomes(said.part))))
    faults += _disagreements(found)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return found


def fields(names: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that files give, by the name of their field.

    Args:
        names: of the files, by comma.
        environment: fills in ``${NAME}``.

    Raises:
        ConfigurationError: see ``load``.
    """
    files = [Path(name.strip()) for name in names.split(",") if name.strip()]
    return {
        setting.name.lower(): setting.value
        for given in load(files, environment)
        for setting in given.settings()
    }


def _disagreements(found: Sequence[Given]) -> list[str]:
    first: dict[str, tuple[Given, Setting]] = {}
    faults = []
    for given in found:
        for setting in given.settings():
            before, other = first.setdefault(setting.name, (given, setting))
            if other.value != setting.value:
                faults.append(
                    f"{given.place(setting)}: {PREFIX}{setting.name} is given otherwise "
                    f"in {before.place(other)}"
                )
    return faults
