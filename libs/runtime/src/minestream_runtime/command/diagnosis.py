"""What a diagnosis found, step by step: for people, or as JSON for programs."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from minestream_runtime.command.terminal import EXIT_FAILED, Screen


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Args:
        name: of what was tried.
        ok: did it work?
        found: what came of it.
        advice: what to do where it did not; empty where it did.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


def show(subject: str, steps: Sequence[Step], *, as_json: bool) -> int:
    """Print a diagnosis.

    Args:
        subject: whose; it holds no secret, and neither does a step.
        steps: in the order tried.
        as_json: for programs.

    Returns:
        the exit code: 0 when every step worked, 1 when one did not.
    """
    if as_json:
        told = {"subject": subject, "steps": [asdict(step) for step in steps]}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        console = Screen(highlight=False, soft_wrap=True)
        console.print(subject, markup=False)
        width = max((len(step.name) for step in steps), default=0)
        for step in steps:
            word, style = ("ok", "green") if step.ok else ("failed", "red")
            console.print(f"  {word:6}", style=style, end="")
            console.print(f"  {step.name:{width}}  {step.found}", markup=False)
            if step.advice:
                console.print(f"  {'':6}  {'':{width}}  -> {step.advice}", markup=False)
    return 0 if all(step.ok for step in steps) else EXIT_FAILED
