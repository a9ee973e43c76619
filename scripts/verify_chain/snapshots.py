"""The hash of the participants that a raffle announces, against the participants as served."""

from collections.abc import Iterable

from eth_abi.exceptions import EncodingError

from schema.snapshot import snapshot_hash
from scripts.verify_chain.findings import Difference
from scripts.verify_chain.readings import Row
from scripts.verify_chain.seasons import of_season

SNAPSHOT_TABLES = ("season", "snapshot")
SELECT_SNAPSHOTS = """
    SELECT compared_season.deployment, compared_season.season_id, season.snapshot_hash,
        snapshot.participants, snapshot.tickets
    FROM season
    INNER JOIN compared_season USING (season_key)
    LEFT JOIN snapshot USING (season_key, snapshot_hash)
    WHERE season.snapshot_hash IS NOT NULL
    ORDER BY season_key
"""


def compare_with_snapshots(snapshots: Iterable[Row]) -> list[Difference]:
    """The seasons whose participants and tickets do not hash to what was announced."""
    return [
        Difference(
            of_season(row), "snapshot", _hash_of(row), row["snapshot_hash"], "SeasonSnapshotted"
        )
        for row in snapshots
        if _hash_of(row) != row["snapshot_hash"]
    ]


def _hash_of(row: Row) -> str:
    if row["participants"] is None:
        return "nothing"
    try:
        return snapshot_hash(row["participants"], [int(each) for each in row["tickets"]])
    except EncodingError:
        return "nothing that can be hashed"
