"""The sub-commands of ``minestream`` that start, stop and watch the stack of this folder."""

import contextlib
import json
import shlex
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from minestream_devstack import demo as demonstration
from minestream_devstack import orphans
from minestream_devstack.building import beside
from minestream_devstack.dashboard import Dashboard
from minestream_devstack.doctor import Finding, Verdict, quick, thorough
from minestream_devstack.follow import follow, tail
from minestream_devstack.home import Home
from minestream_devstack.screen import Screen
from minestream_devstack.services import GATEWAY, NAMES
from minestream_devstack.stack import Stack, Wish, states
from minestream_runtime.command.terminal import console
from minestream_runtime.errors import ConfigurationError

_OTHERS_S: Final = 60.0
"""How long the demo waits for a `minestream down` in another shell."""
_SHOWN: Final = ("MINESTREAM_KAFKA_BOOTSTRAP", "MINESTREAM_DATABASE_URL", "MINESTREAM_GATEWAY_URL")
_COLOUR: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FATAL: "red"}


def _stack() -> Stack:
    return Stack(Home.here(), Screen())


def _refuse_the_impossible(home: Home) -> None:
    fatal = [each for each in quick(home) if each.verdict is Verdict.FATAL]
    if fatal:
        raise ConfigurationError(
            "; ".join(f"{each.what}: {each.found}: {each.advice}" for each in fatal)
        )


def up(
    only: Annotated[
        str, typer.Option(help=f"what to start, by comma, of: {', '.join(NAMES)}")
    ] = ",".join(NAMES),
) -> None:
    """Start Kafka, PostgreSQL and all services here, and wait until they are ready."""
    stack = _stack()
    _refuse_the_impossible(stack.home)
    began = time.monotonic()
    wish = Wish.told(only=[name.strip() for name in only.split(",") if name.strip()])
    with beside(stack.home, wanted=GATEWAY.name in wish.only) as building:
        stack.up(wish)
        if building is not None:
            building.finish(stack.screen)
    gateway = stack.home.exports.get("MINESTREAM_GATEWAY_URL")
    stack.screen.say(f"[bold]up[/] after {time.monotonic() - began:.1f} s")
    if gateway is not None:
        stack.screen.say(f"dashboard {gateway}/\ngateway   {gateway}/api/v1/miners")


def down() -> None:
    """Stop everything that runs here. Data stay."""
    stack = _stack()
    if stack.home.id is None:
        stack.screen.say("nothing runs here")
        return
    with stack.screen.step("stopping"):
        ran = stack.down()
    if not ran:
        stack.screen.say("nothing ran here")


def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="a list, for programs")] = False
) -> None:
    """Show what runs here: process, readiness, address. Exit code 1 when nothing does."""
    stack = _stack()
    running = states(stack) if stack.supervisor.alive else []
    rows = [
        {"name": state.name, "pid": state.pid, "ready": fault is None, "address": address}
        for state, address, fault in running
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    elif rows:
        table = Table("name", "pid", "ready", "address", box=None)
        for state, address, fault in running:
            ready = "[green]yes[/]" if fault is None else f"[red]no[/]: {escape(fault)}"
            table.add_row(state.name, str(state.pid or "-"), ready, address or "-")
        console().print(table)
    if not rows and (left := orphans.find(stack.home)):
        with stack.home.changing():  # whoever stops it ends its supervisor before the last of them
            stack.screen.say(
                f"the supervisor of {stack.home.folder} was killed and left {len(left)} processes: "
                "`minestream up` takes over, `minestream down` ends them"
            )
        raise typer.Exit(1)
    if not rows:
        stack.screen.say(f"nothing runs in {stack.home.folder}: `minestream up` starts it")
        raise typer.Exit(1)


def logs(
    service: Annotated[str, typer.Argument(help="as `minestream status` names it")],
    *,
    onwards: Annotated[bool, typer.Option("-f", "--follow", help="and what comes")] = False,
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="so many lines")] = 50,
) -> None:
    """Show the end of a program's log."""
    home = Home.here()
    file = home.log(service)
    if not file.exists():
        there = sorted(each.stem for each in file.parent.glob("*.log"))
        raise ConfigurationError(
            f"no log of {service!r} here; there are: {', '.join(there) or 'none'}"
        )
    for line in tail(file, count):
        typer.echo(line)
    if onwards:
        with contextlib.suppress(KeyboardInterrupt):
            for line in follow(file):
                typer.echo(line)


def restart(
    service: Annotated[str, typer.Argument(help="as `minestream status` names it")],
) -> None:
    """Stop one program and start it again."""
    stack = _stack()
    stack.supervisor.state(service)
    with stack.screen.step(f"restarting {service}"):
        stack.restart(service)


def env() -> None:
    """Print `export` lines that lead a shell to the stack of this folder."""
    home = Home.here()
    exports = home.exports
    if not exports:
        raise ConfigurationError(f"no stack was ever started in {home.folder}: `minestream up`")
    for name in _SHOWN:
        if name in exports:
            typer.echo(f"export {name}={shlex.quote(exports[name])}")


def dashboard(
    *,
    force: Annotated[bool, typer.Option("--force", help="even if it is built already")] = False,
    check: Annotated[bool, typer.Option("--check", help="types, lint and tests first")] = False,
) -> None:
    """Build the dashboard's page, if this very page is not built yet, and print its folder."""
    page = Dashboard.here()
    if page is None:
        raise ConfigurationError("no sources of the dashboard here: install from a clone")
    screen = Screen()

    def tell(what: str) -> None:
        screen.say(f"dashboard: {what}")

    if check:
        page.check(tell)
    typer.echo(page.build(force=force, progress=tell))


def doctor() -> None:
    """Say what this machine lacks and what to do. Exit code 1 when a stack cannot start."""
    findings = thorough(Home.here())
    table = Table("what", "verdict", "found", "what to do", box=None)
    for each in findings:
        table.add_row(each.what, _coloured(each), escape(each.found), escape(each.advice))
    console().print(table)
    if any(each.verdict is Verdict.FATAL for each in findings):
        raise typer.Exit(1)


def _coloured(finding: Finding) -> str:
    return f"[{_COLOUR[finding.verdict]}]{finding.verdict}[/]"


def demo(
    miners: Annotated[int, typer.Option(min=1, help="how many emulated miners")] = 24,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="end after seconds")] = None,
    fault: Annotated[str | None, typer.Option(help="a fault to begin with")] = None,
    seed: Annotated[int, typer.Option(help="same seed, same world")] = 1,
) -> None:
    """Show everything: an emulated world, the stack, live readings. Ctrl-C ends all of it."""
    stack = _stack()
    _refuse_the_impossible(stack.home)
    began = time.monotonic()
    watch = demonstration.Watch()
    with stack.home.demonstrating(), _ended_by_signals():
        stack.refuse_a_running_one()
        try:
            with beside(stack.home) as building:
                demonstration.begin(stack, demonstration.World(miners, seed, fault))
                took_s = time.monotonic() - began
                if building is not None:
                    building.finish(stack.screen)
            stack.screen.say(_greeting(stack, took_s))
            _stay(stack, watch, until=None if for_s is None else time.monotonic() + for_s)
        except KeyboardInterrupt:
            stack.screen.say("")
        finally:
            for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sign, signal.SIG_IGN)  # what follows takes seconds and must end
            if stack.begun:
                with stack.screen.step("stopping"):
                    stack.down(wait_s=_OTHERS_S)
    if watch.fallen:
        stack.screen.say(f"[red]did not stay up: {', '.join(sorted(watch.fallen))}[/]")
        raise typer.Exit(1)


def _greeting(stack: Stack, took_s: float) -> str:
    gateway = stack.home.exports["MINESTREAM_GATEWAY_URL"]
    return (
        f"[bold]first reading after {took_s:.1f} s[/]\n"
        f"  dashboard {gateway}/\n"
        f"  gateway   {gateway}/api/v1/miners (no login; {gateway}/openapi.json tells the rest)\n"
        "  break it  minestream fault hot-chip   (minestream fault --list says what else)\n"
        "  watch it  minestream topics tail telemetry\n"
        "  end it    Ctrl-C"
    )


def _stay(stack: Stack, watch: demonstration.Watch, *, until: float | None) -> None:
    while until is None or time.monotonic() < until:
        if not stack.supervisor.alive:
            stack.screen.say("ended by `minestream down`")
            return
        for name in watch.look(stack.supervisor.states()):
            stack.screen.say(f"[red]{name} ended and is started again: minestream logs {name}[/]")
        time.sleep(1 if until is None else min(1, max(0.0, until - time.monotonic())))


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {sign: signal.signal(sign, interrupt) for sign in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
