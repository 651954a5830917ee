"""What an emulated Abacus.AI keeps: projects, tokens, online feature groups and their rows."""

import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

Row = dict[str, Any]
_COLUMN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TABLE: Final = re.compile(r"[A-Za-z0-9_]{1,120}")
_MOST_ROWS: Final = 100_000
"""In a group: then the oldest go, for a world that runs for weeks."""


class RefusedError(Exception):
    """A call is refused, in the service's own words.

    Args:
        status: of HTTP.
        kind: the SDK's name for it.
        text: for people.
    """

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind


class AppendRule(StrEnum):
    """What an append does whose primary key is there already; the service does not say."""

    OVERWRITE = "overwrite"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class Kept:
    """A row with its key and times."""

    key: str
    contents: Row
    created_at: str
    updated_at: str


@dataclass(slots=True)
class Group:
    """An online feature group."""

    group_id: str
    table: str
    primary_key: str
    description: str | None
    created_at: str
    schema: dict[str, str] = field(default_factory=dict)
    """Type by column; empty: none was set, and anything goes."""
    rows: dict[str, Kept] = field(default_factory=dict)
    """By key; a duplicate has a key of its own here, and the row's in ``Kept.key``."""

    def told(self) -> dict[str, Any]:
        """As the service describes it."""
        return {
            "featureGroupId": self.group_id,
            "tableName": self.table,
            "name": self.table,
            "primaryKey": self.primary_key,
            "description": self.description,
            "createdAt": self.created_at,
            "streamingEnabled": True,
            "streamingReady": True,
            "features": [
                {"name": name, "dataType": kind.upper()} for name, kind in self.schema.items()
            ],
        }

    def put(self, row: object, *, rule: AppendRule, at: str) -> Kept:
        """Keep a row.

        Raises:
            RefusedError: it is none, or does not fit the schema; nothing is kept.
        """
        contents = self.checked(row)
        key = str(contents.setdefault(self.primary_key, secrets.token_hex(8)))
        known = self.rows.get(key)
        place = key if known is None or rule is AppendRule.OVERWRITE else secrets.token_hex(8)
        created_at = at if known is None or place != key else known.created_at
        kept = self.rows[place] = Kept(key, contents, created_at, at)
        if len(self.rows) > _MOST_ROWS:
            del self.rows[next(iter(self.rows))]
        return kept

    def checked(self, row: object) -> Row:
        """The row, if it can be kept.

        Raises:
            RefusedError: it cannot.
        """
        if not isinstance(row, dict) or not row:
            raise _invalid("data must be a JSON object with columns")
        for name, value in row.items():
            if not _COLUMN.fullmatch(name):
                raise _invalid(f"invalid column name {name!r}")
            kind = self.schema.get(name)
            if value is not None and kind is not None and not _fits(value, kind):
                raise _invalid(f"column {name} is of type {kind}")
        return dict(row)


class Store:
    """One organisation's projects, tokens and feature groups."""

    def __init__(self) -> None:
        self.rule = AppendRule.OVERWRITE
        self.groups: dict[str, Group] = {}
        self.projects: dict[str, dict[str, Any]] = {}
        self.attached: dict[str, list[str]] = {}
        """Feature groups of each project, by id."""
        self.tokens: dict[str, str] = {}
        """When each streaming token was made."""

    def group(self, group_id: object) -> Group:
        """The group of that id.

        Raises:
            RefusedError: there is none.
        """
        found = self.groups.get(str(group_id))
        if found is None:
            raise _missing(f"feature group {group_id} not found")
        return found

    def group_of_table(self, table: object) -> Group:
        """The group of that table name.

        Raises:
            RefusedError: there is none.
        """
        for group in self.groups.values():
            if group.table == table:
                return group
        raise _missing(f"feature group with table name {table} not found")

    def create_group(self, body: Mapping[str, Any], at: str) -> Group:
        """A new group.

        Raises:
            RefusedError: its table name or key cannot be, or is taken.
        """
        table, key = str(body.get("tableName")), str(body.get("primaryKey"))
        if not _TABLE.fullmatch(table) or not _COLUMN.fullmatch(key):
            raise _invalid("tableName and primaryKey must be names")
        if any(group.table == table for group in self.groups.values()):
            raise RefusedError(
                HTTPStatus.CONFLICT, "AlreadyExistsError", f"table {table} already exists"
            )
        group = Group(secrets.token_hex(5), table, key, body.get("description"), at)
        self.groups[group.group_id] = group
        return group

    def create_project(self, body: Mapping[str, Any], at: str) -> dict[str, Any]:
        """A new project; names need not differ."""
        if not body.get("name") or not body.get("useCase"):
            raise _invalid("name and useCase are required")
        project = {
            "projectId": secrets.token_hex(5),
            "name": body["name"],
            "useCase": body["useCase"],
            "createdAt": at,
        }
        self.projects[project["projectId"]] = project
        self.attached[project["projectId"]] = []
        return project

    def members(self, project_id: object) -> list[str]:
        """The ids of a project's feature groups.

        Raises:
            RefusedError: there is no such project.
        """
        found = self.attached.get(str(project_id))
        if found is None:
            raise _missing(f"project {project_id} not found")
        return found

    def create_token(self, at: str) -> dict[str, str]:
        """A new streaming token, good for every feature group."""
        token = secrets.token_hex(16)
        self.tokens[token] = at
        return {"streamingToken": token, "createdAt": at}


def _fits(value: object, kind: str) -> bool:
    match kind:
        case "float":
            return type(value) in {int, float} and math.isfinite(float(str(value)))
        case "integer":
            return type(value) is int
        case "boolean":
            return type(value) is bool
        case "string" | "datetime" | "date":
            return isinstance(value, str)
        case _:
            return True


def _invalid(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameterError", text)


def _missing(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, "DataNotFoundError", text)
