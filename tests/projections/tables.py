"""Read models as rows, to be compared one by one."""

from typing import Any

from schema.database import connect
from schema.read_models import READ_MODELS, generation_schema

Tables = dict[str, list[tuple[Any, ...]]]


def read_tables(database_url: str, generation: int) -> Tables:
    """Every row of every read model of a generation, ordered by primary key."""
    with connect(database_url, role="daybook_api", application_name="test") as session:
        schema = generation_schema(generation)
        tables = {}
        for table in READ_MODELS.sorted_tables:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            key = ", ".join(f'"{column.name}"' for column in table.primary_key)
            query = f'SELECT {columns} FROM {schema}."{table.name}" ORDER BY {key}'
            tables[table.name] = [tuple(row.values()) for row in session.execute(query)]
        return tables


def select(database_url: str, query: str) -> list[dict[str, Any]]:
    """Rows of a query over the serving generation's tables."""
    with connect(database_url, role="daybook_api", application_name="test") as session:
        row = session.execute("SELECT generation FROM daybook.serving").fetchone()
        assert row is not None
        session.execute(f"SET search_path = {generation_schema(row['generation'])}")
        return session.execute(query).fetchall()
