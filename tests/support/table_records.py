"""The rows of a table by the names of its columns."""

from typing import Any

from bargaining import Table


def records(table: Table) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]
