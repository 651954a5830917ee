"""Abacus.AI as the sink sees it: opened, given rows, failing in ways that say what to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from abacus_sink.adapters.discretion import Discretion
from abacus_sink.adapters.registration import Registrar, Registration, Survey, WrongKeyError
from abacus_sink.adapters.threads import Threads
from abacus_sink.domain.rows import Row
from abacus_sink.domain.verdict import (
    Cause,
    Judgement,
    Refusal,
    Verdict,
    judge,
    judge_registering,
)
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import Clock
from minestream_runtime.errors import (
    BugError,
    ConfigurationError,
    Disposition,
    MinestreamError,
    unit_of_work,
)
from minestream_runtime.polite.words import retry_after_s
from minestream_schemas.feature import FeatureGroup

T = TypeVar("T")
_UNKNOWN = Judgement(Verdict.RETRY, Cause.BUG)
_OTHER_KEY = Judgement(Verdict.REFUSED, Cause.REGISTRATION)


class AbacusError(MinestreamError):
    """A call has failed; what that means is in ``judgement``. The text holds no secret.

    Args:
        text: for people.
        judgement: what to do, and which class of error it is.
        retry_after_s: what the service asked for.
    """

    kind: ClassVar[str] = "abacus"
    disposition: ClassVar[Disposition] = Disposition.RETRY

    def __init__(self, text: str, judgement: Judgement, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.judgement = judgement
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answered:
    """A far side that answers.

    Args:
        version: which SDK it would like its clients to have.
        version_here: which one this is.
        registration: where rows go.
    """

    version: str
    version_here: str
    registration: Registration


class FarSide:
    """The real SDK, in threads.

    Args:
        settings: key, address, limits; a key is there.
        discretion: learns every secret as soon as there is one.
        clock: the machine's.

    Raises:
        ConfigurationError: no key.
    """

    def __init__(self, settings: AbacusSettings, discretion: Discretion, clock: Clock) -> None:
        if settings.abacus_key is None:
            raise ConfigurationError("MINESTREAM_ABACUS_KEY is not set")
        self._key = settings.abacus_key
        self._settings = settings
        self._discretion = discretion
        self._clock = clock
        discretion.learn(self._key.get_secret_value())
        self._threads = Threads(settings.abacus_threads, name="abacus")
        self._connections: Any = None
        self._control: Any = None
        self._rows: Any = None
        self._registration: Registration | None = None

    async def open(self) -> Answered:
        """Find the service's addresses and make what is missing there.

        Raises:
            AbacusError: not done; nothing is half done that a second time would not mend.
        """
        return await self._threads.run(lambda: self._tried(self._open, judge_registering))

    async def look(self) -> tuple[str, Survey]:
        """Find the service's addresses and see what is there; the version that it would like.

        Raises:
            AbacusError: it does not tell.
        """
        return await self._threads.run(lambda: self._tried(self._look, judge_registering))

    async def append(self, group: FeatureGroup, rows: Sequence[Row]) -> None:
        """Hand rows over in one call.

        Raises:
            AbacusError: not taken; or taken, and we were not told.
        """

        def call(_: ModuleType) -> None:
            group_id, token = self._where(group)
            self._rows.append_multiple_data(group_id, token, list(rows))

        await self._threads.run(lambda: self._tried(call, judge))

    async def upsert(self, group: FeatureGroup, row: Row) -> None:
        """Hand one row over; by contract it replaces the one of its key.

        Raises:
            AbacusError: as at ``append``.
        """

        def call(_: ModuleType) -> None:
            group_id, token = self._where(group)
            self._control.upsert_data(group_id, row, token)

        await self._threads.run(lambda: self._tried(call, judge))

    def close(self) -> None:
        """Let go of connections; calls under way end by themselves."""
        if self._connections is not None:
            self._connections.close()

    def _where(self, group: FeatureGroup) -> tuple[str, str]:
        if self._registration is None:
            raise AbacusError("not opened", _UNKNOWN)
        return self._registration.groups[group], self._registration.token

    def _open(self, sdk: ModuleType) -> Answered:
        version = self._found(sdk)
        registrar = Registrar(self._control, self._settings.abacus_project, sdk.ApiException)
        registration = registrar.register()
        self._discretion.learn(registration.token)
        self._rows = sdk.RowsClient(self._control.server, self._connections)
        self._registration = registration
        return Answered(version, sdk.SDK_VERSION, registration)

    def _look(self, sdk: ModuleType) -> tuple[str, Survey]:
        version = self._found(sdk)
        found = Registrar(self._control, self._settings.abacus_project, sdk.ApiException).survey()
        self._discretion.learn(found.token or "")
        return version, found

    def _found(self, sdk: ModuleType) -> str:
        if self._connections is None:
            self._connections = sdk.Connections(self._settings.abacus_timeout_s)
        server = self._settings.abacus_url or sdk.DEFAULT_SERVER
        self._control = sdk.ControlClient(self._key.get_secret_value(), server, self._connections)
        self._control.discover()
        version: str = self._control.version_there()
        return version

    def _tried(self, call: Callable[[ModuleType], T], judged: Callable[[Refusal], Judgement]) -> T:
        """In a thread: the call's result, or an error that says what to do."""
        try:
            with unit_of_work():
                from abacus_sink.adapters import sdk  # noqa: PLC0415 - a second, 90 MB

                try:
                    return call(sdk)
                except sdk.ApiException as exc:
                    refusal = Refusal(
                        exc.http_status,
                        exc.exception,
                        self._discretion.scrubbed(str(exc.message)),
                        retry_after_s(self._connections.retry_after, self._clock.now()),
                    )
                except sdk.RequestException as exc:
                    refusal = Refusal(None, type(exc).__name__, "no answer")
                except WrongKeyError as exc:
                    raise AbacusError(str(exc), _OTHER_KEY) from None
        except BugError as exc:
            raise AbacusError(str(exc), _UNKNOWN) from None
        told = f"{refusal.name}({refusal.status or 'no status'}): {refusal.text}"
        # not from the SDK's error: its text may quote keys and rows
        raise AbacusError(told, judged(refusal), refusal.retry_after_s) from None
