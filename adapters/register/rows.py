"""Rows of the tables as models, and models as rows; columns are named like fields."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select

from domain.base import Frozen

Model = TypeVar("Model", bound=Frozen)
Order = ColumnElement[Any]


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
    *which: ColumnElement[bool],
) -> None:
    """Put rows of a case in the place of all it has in a table, or of those meant by `which`."""
    of_case = {"control_number": control_number}
    connection.execute(delete(table).where(table.c.control_number == control_number, *which))
    written = [of_case | row for row in rows]
    if written:
        connection.execute(insert(table), written)
