"""The partitions of `trade`, one a season."""

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal


def create(connection: Connection[DictRow]) -> None:
    """Make the partitions of the seasons that the batch brings into being.

    They stay when a reorganisation takes the season back: its key is given again.
    """
    for row in connection.execute(_MISSING).fetchall():
        key = row["season_key"]
        names = {"partition": Identifier(f"trade_s{key}"), "key": Literal(key)}
        # CREATE TABLE … PARTITION OF would wait for every open reader; ATTACH does not.
        connection.execute(_CREATE.format(**names))


_MISSING = """
    SELECT wanted.season_key
    FROM (SELECT coalesce(max(season_key), 0) AS last_key FROM season) AS known
    CROSS JOIN LATERAL generate_series(
        known.last_key + 1,
        known.last_key + (SELECT count(*) FROM pg_temp.season_created)
    ) AS wanted (season_key)
    WHERE to_regclass('trade_s' || wanted.season_key) IS NULL
"""
_CREATE = SQL(
    """
    CREATE TABLE {partition} (
        LIKE trade INCLUDING ALL,
        CONSTRAINT one_season CHECK (season_key = {key})
    );
    ALTER TABLE trade ATTACH PARTITION {partition} FOR VALUES IN ({key})
    """
)
