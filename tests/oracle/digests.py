"""Digests of whole generations."""

from contextlib import closing

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import Identifier

from projections.digest import Digest, digest
from schema.database import connect
from schema.read_models import READ_MODELS, generation_schema

Digests = dict[str, Digest]


def digests(database_url: str, generation: int) -> Digests:
    """Of every read model of a generation."""
    with closing(open_session(database_url)) as session:
        return {
            table.name: digest(
                session,
                Identifier(generation_schema(generation), table.name),
                [column.name for column in table.columns],
            )
            for table in READ_MODELS.sorted_tables
        }


def open_session(database_url: str) -> Connection[DictRow]:
    """A session of the projector's role."""
    return connect(database_url, role="daybook_projector", application_name="test")
