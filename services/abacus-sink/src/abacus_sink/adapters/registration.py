"""Feature groups, project and token at Abacus.AI: what is there, and making what is not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from abacus_sink.domain.groups import DEFINITIONS, PRIMARY_KEY, Definition
from minestream_schemas.feature import FeatureGroup

_NOT_FOUND: Final = "DataNotFoundError"
_EXISTS: Final = frozenset({"AlreadyExistsError", "ConflictError"})
_PAGE: Final = 100
_PAGES: Final = 100
_USE_CASE: Final = "FEATURE_STORE"


@dataclass(frozen=True, slots=True)
class Found:
    """A feature group that is there.

    Args:
        group_id: at Abacus.AI.
        primary_key: its key's column.
        columns: those that it knows.
    """

    group_id: str
    primary_key: str | None
    columns: frozenset[str]

    @property
    def is_ours(self) -> bool:
        """Has it our key? Rows of a group with another would replace each other."""
        return self.primary_key in {None, PRIMARY_KEY}


@dataclass(frozen=True, slots=True)
class Survey:
    """What is there.

    Args:
        groups: None: not there.
        project_id: None: not there.
        members: the feature groups in the project, by id.
        token: of streaming; None: not there.
    """

    groups: Mapping[FeatureGroup, Found | None]
    project_id: str | None
    members: frozenset[str]
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """Where rows go.

    Args:
        groups: their ids.
        token: that lets rows in.
        created: what was made just now, in words.
        undone: what could not be made and is not needed, in words.
    """

    groups: Mapping[FeatureGroup, str]
    token: str = field(repr=False)
    created: tuple[str, ...]
    undone: tuple[str, ...]


class WrongKeyError(ValueError):
    """A table of that name is there, with another primary key."""


class Registrar:
    """Makes what is missing, once.

    Args:
        client: the SDK's.
        project: its name.
        refusal: the SDK's error for what the service refuses.
    """

    def __init__(self, client: Any, project: str, refusal: type[Exception]) -> None:
        self._client = client
        self._project = project
        self._refusal = refusal
        self._created: list[str] = []
        self._undone: list[str] = []

    def survey(self) -> Survey:
        """What of ours is there. Makes nothing.

        Raises:
            Exception: the SDK's own.
        """
        groups = {group: self._group(entry.table) for group, entry in DEFINITIONS.items()}
        found = (
            one.project_id
            for one in _all(self._client.list_projects, lambda one: str(one.project_id))
            if one.name == self._project
        )
        project_id = next(found, None)
        tokens = self._client.list_streaming_tokens() or []
        return Survey(
            groups=groups,
            project_id=project_id,
            members=self._members(project_id),
            token=tokens[0].streaming_token if tokens else None,
        )

    def register(self) -> Registration:
        """Make what is missing; called again, nothing again.

        A schema or a project that is refused for good is left: rows can be sent without.

        Raises:
            WrongKeyError: a table of ours is there with another key.
            Exception: the SDK's own.
        """
        there = self.survey()
        groups = {
            group: self._made(definition, there.groups[group]).group_id
            for group, definition in DEFINITIONS.items()
        }
        self._put_into_project(groups, there)
        token = there.token
        if token is None:
            token = self._client.create_streaming_token().streaming_token
            self._created.append("streaming token")
        return Registration(groups, str(token), tuple(self._created), tuple(self._undone))

    def _made(self, definition: Definition, found: Found | None) -> Found:
        if found is None:
            found = self._create(definition)
            self._created.append(f"feature group {definition.table}")
        if not found.is_ours:
            raise WrongKeyError(
                f"table {definition.table} is there with the primary key {found.primary_key}, "
                f"and {PRIMARY_KEY} is wanted"
            )
        if not definition.columns.keys() <= found.columns:
            set_schema = self._client.set_feature_group_schema
            self._attempt(
                f"schema of {definition.table}",
                partial(set_schema, found.group_id, definition.schema),
            )
        return found

    def _create(self, definition: Definition) -> Found:
        create = self._client.create_online_feature_group
        try:
            return _found(create(definition.table, PRIMARY_KEY, definition.description))
        except self._refusal as exc:
            if _name_of(exc) not in _EXISTS:
                raise
            found = self._group(definition.table)  # another replica was quicker
            if found is None:
                raise
            return found

    def _put_into_project(self, groups: Mapping[FeatureGroup, str], there: Survey) -> None:
        name, project_id = f"project {self._project}", there.project_id
        if project_id is None:
            create = self._client.create_project
            made = self._attempt(name, partial(create, self._project, _USE_CASE))
            if made is None:
                return
            project_id = made.project_id
        for group, group_id in groups.items():
            if group_id not in there.members:
                add = self._client.add_feature_group_to_project
                self._attempt(f"{group.value} in {name}", partial(add, group_id, project_id))

    def _attempt(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            result = call()
        except self._refusal as exc:
            if not _is_final(exc):
                raise
            self._undone.append(f"{what}: {_name_of(exc)}")
            return None
        self._created.append(what)
        return result

    def _group(self, table: str) -> Found | None:
        try:
            told = self._client.describe_feature_group_by_table_name(table)
        except self._refusal as exc:
            if _name_of(exc) == _NOT_FOUND:
                return None
            raise
        return None if told is None else _found(told)

    def _members(self, project_id: str | None) -> frozenset[str]:
        if project_id is None:
            return frozenset()
        page = partial(self._client.list_project_feature_groups, project_id)
        found = _all(page, lambda one: str(one.feature_group_id))
        return frozenset(str(one.feature_group_id) for one in found)


def _name_of(exc: Exception) -> str:
    return str(getattr(exc, "exception", type(exc).__name__))


def _is_final(exc: Exception) -> bool:
    """Refused for good, and not for who we are or because the service is away."""
    status = getattr(exc, "http_status", 0)
    return 400 <= status < 500 and status not in {401, 402, 403, 408, 425, 429}  # noqa: PLR2004


def _found(told: Any) -> Found:
    columns = frozenset(str(feature.name) for feature in told.features or [])
    return Found(str(told.feature_group_id), told.primary_key, columns)


def _all(page: Callable[..., Any], id_of: Callable[[Any], str]) -> Iterator[Any]:
    """All of a list that comes in pages."""
    after: str | None = None
    for _ in range(_PAGES):
        found = page(limit=_PAGE, start_after_id=after) or []
        yield from found
        if len(found) < _PAGE:
            return
        after = id_of(found[-1])
