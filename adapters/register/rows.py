"""Rows of the tables as models, and models as rows; columns are named like fields."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from domain.base import Frozen

Model = TypeVar("Model", bound=Frozen)
Order = ColumnElement[Any]
OF_CASE: Final = "of_case"
AMONG: Final = "among"
"""Parameters of statements that are built once."""


def all_of(
    connection: Connection,
    model: type[Model],
    table: Table,
    *where: ColumnElement[bool],
    order: Sequence[Order] = (),
) -> list[Model]:
    """The rows of a table as models."""
    columns = [table.c[name] for name in model.model_fields]
    found = connection.execute(select(*columns).where(*where).order_by(*order))
    return [as_model(model, row) for row in found]


def as_model(model: type[Model], row: Row[Any]) -> Model:
    """A row as a model; columns it has no field for are left out."""
    values = row._asdict()
    return model.model_validate({name: values[name] for name in model.model_fields})


def replace(
    connection: Connection,
    table: Table,
    control_number: str,
    rows: Iterable[dict[str, Any]],
    column: Column[Any] | None = None,
    among: Collection[Any] = (),
) -> None:
    """Put rows of a case in the place of all it has in a table, or of those with such values."""
    if column is None:
        connection.execute(_removal(table), {OF_CASE: control_number})
    elif among:
        connection.execute(_removal(table, column), {OF_CASE: control_number, AMONG: [*among]})
    written = [{"control_number": control_number} | row for row in rows]
    if written:
        connection.execute(_insertion(table), written)


def first_of_case(connection: Connection, column: Column[Any], control_number: str) -> Any:
    """A value of a case's first row in a table; None when it has none."""
    return connection.scalar(_selection(column), {OF_CASE: control_number})


def rows_of_case(connection: Connection, table: Table, control_number: str) -> list[Row[Any]]:
    """All a case has in a table."""
    return list(connection.execute(_selection(*table.c), {OF_CASE: control_number}))


# Statements that every step of a case needs: to build one takes longer than to execute it.


@cache
def _removal(table: Table, column: Column[Any] | None = None) -> Delete:
    statement = delete(table).where(table.c.control_number == bindparam(OF_CASE))
    if column is not None:
        statement = statement.where(column.in_(bindparam(AMONG, expanding=True)))
    return statement


@cache
def _insertion(table: Table) -> Insert:
    return insert(table)


@cache
def _selection(*columns: Column[Any]) -> Select[Any]:
    return select(*columns).where(columns[0].table.c.control_number == bindparam(OF_CASE))
