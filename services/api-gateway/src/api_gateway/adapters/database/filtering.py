"""Filters of lists as conditions."""

from collections.abc import Mapping, Sequence

from psycopg import sql


def matching(
    any_of: Mapping[str, Sequence[str]],
) -> tuple[list[sql.Composable], dict[str, object]]:
    """Conditions to be joined by AND, at least one, and the values that they name.

    Args:
        any_of: of each column any of the values; no values: any.
    """
    wanted = {column: list(values) for column, values in any_of.items() if values}
    conditions: list[sql.Composable] = [sql.SQL("true")]
    conditions += [
        sql.SQL("{} = ANY({})").format(sql.Identifier(column), sql.Placeholder(column))
        for column in wanted
    ]
    return conditions, dict(wanted)
