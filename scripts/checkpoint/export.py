"""Makes a checkpoint: examines the log up to the last final block, and signs what it found."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.rows import DictRow
from rich.console import Console

from schema.database import connect
from schema.errors import ConfigurationError, DaybookError
from schema.log.chain import Chain
from schema.log.mapper import CHAIN_FACTS, stored_as
from schema.log.rowfile import write_rows
from schema.log.scan import ScannedRow, scan
from schema.log.store import LogDatastore, load_chain
from schema.log.streams import chain_ordinal
from schema.log.verify import ChainSummary, LogSummary, verify_log
from schema.progress import Report
from schema.settings import ChainSettings, Settings
from scripts.checkpoint.keys import unwritable
from scripts.checkpoint.signed import Checkpoint, SignedCheckpoint, write_signed
from scripts.verify import DifferenceFoundError, print_log

_NAME = "daybook-checkpoint"


class NothingFinalError(DaybookError):
    """There is nothing to sign yet."""

    def __init__(self, chain: str) -> None:
        super().__init__(
            f"chain {chain}: the log holds no final range yet. Index it, and try again once "
            "blocks are final."
        )


def log_path(path: Path) -> Path:
    """Where the log travels beside a checkpoint."""
    return path.with_name(f"{path.name}.log.gz")


def choose_chain(settings: Settings, name: str | None) -> ChainSettings:
    """The chain of this name; the only one, if none is said.

    Raises:
        ConfigurationError: there is none, or several.
    """
    names = ", ".join(chain.name for chain in settings.chain)
    if name is None and len(settings.chain) > 1:
        raise ConfigurationError("--chain", "there are several", f"Name one of {names}.")
    for chain in settings.chain:
        if name in {None, chain.name}:
            return chain
    raise ConfigurationError("--chain", f"no chain is called {name}", f"Name one of {names}.")


class Order(NamedTuple):
    """What is to be exported.

    Attributes:
        url: of the database.
        chain: which one.
        path: of the checkpoint's file.
        with_log: whether the chain's rows are to be written beside it.
    """

    url: str
    chain: ChainSettings
    path: Path
    with_log: bool


def export(
    order: Order, key: Ed25519PrivateKey, *, now: datetime, report: Report
) -> SignedCheckpoint:
    """Examine the log, then write the checkpoint, and the chain's rows beside it.

    Raises:
        NothingFinalError: no range of the chain is final yet.
        DifferenceFoundError: the log is not what was appended; what differs was printed.
        ConfigurationError: the file cannot be written.
    """
    loaded = _load(order.url, order.chain.id)
    with closing(connect(order.url, role="daybook_api", application_name=_NAME)) as session:
        position = _last_final(session, loaded)
        if position is None:
            raise NothingFinalError(order.chain.name)
        log = verify_log(session, last=position, report=report)
        checkpoint = Checkpoint.of(_of_chain(log, order.chain.id), created=now.strftime(_RFC_3339))
        if order.with_log:
            _write_log(log_path(order.path), _rows_of(session, loaded, position))
    return write_signed(order.path, checkpoint, key)


def described(checkpoint: Checkpoint) -> str:
    """A checkpoint in a sentence."""
    return (
        f"chain {checkpoint.name} ({checkpoint.chain_id}), blocks {checkpoint.start_block} to "
        f"{checkpoint.block_number} ({checkpoint.block_hash}): {checkpoint.events:,} events and "
        f"{checkpoint.facts:,} facts, digest {checkpoint.digest}, at position "
        f"{checkpoint.position:,}, on {checkpoint.created}"
    )


def _write_log(path: Path, rows: Iterable[ScannedRow]) -> None:
    try:
        write_rows(path, rows)
    except OSError as error:
        raise unwritable(path, error) from error


def _load(url: str, chain_id: int) -> Chain:
    datastore = LogDatastore(url, role="daybook_api", application_name=_NAME)
    with closing(datastore), datastore.cursor() as cursor:
        return load_chain(cursor, chain_id)


def _last_final(session: Connection[DictRow], chain: Chain) -> int | None:
    """The position of the last range that is final; None if none is."""
    if not chain.tail or chain.tail[0].number > chain.finalized:
        return None
    row = session.execute(_SELECT_SEAL, [chain.id, chain.tail[0].hash]).fetchone()
    return row["position"] if row else None


def _of_chain(log: LogSummary, chain_id: int) -> ChainSummary:
    """What was examined of a chain, if the whole log is right."""
    if log.differences:
        print_log(Console(), log)
        raise DifferenceFoundError(log.differences)
    return next(chain for chain in log.chains if chain.chain_id == chain_id)


def _rows_of(session: Connection[DictRow], chain: Chain, last: int) -> Iterator[ScannedRow]:
    assert chain.opened is not None
    ordinal = chain.opened.ordinal
    for row in scan(session, last=last):
        is_fact = row.topic in _FACTS
        if row.stream == chain.id if is_fact else chain_ordinal(row.stream) == ordinal:
            yield row


_FACTS = frozenset(map(stored_as, CHAIN_FACTS))
_RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"

# The newest range that ends with a block, from the head backwards. Index: primary key.
_SELECT_SEAL = """
    SELECT notification_id AS position
    FROM log.stored_event
    WHERE originator_id = %s AND topic = 'RangeIndexed/1' AND state ->> 'last_hash' = %s
    ORDER BY originator_version DESC
    LIMIT 1
"""
