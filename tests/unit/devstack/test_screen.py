"""What a person sees while a stack starts."""

import io

from rich.console import Console

from minestream_devstack.screen import Screen


def test_a_line_of_a_log_that_looks_like_markup_ends_no_start() -> None:
    told = io.StringIO()
    screen = Screen(Console(file=told, force_terminal=True, width=80))
    with screen.step("dashboard"):
        screen.detail("vite: cannot read [/src/main.tsx]")
    assert "cannot read [/src/main.tsx]" in told.getvalue()
