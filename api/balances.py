"""`/v1/players/{address}/balances` and `…/transfers`: SOF and raffle tokens, held and moved."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct, structs

from api.amounts import Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import INTEGER_MAX, Integer, decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.players import LINKED
from api.problems import PROBLEMS

TokenFilter = Annotated[str | None, QueryParameter(description="Of this token's contract only.")]


class Balance(Struct):
    """What an address holds of a token, of all that moved since the chain's first indexed block.

    Attributes:
        season_id: of a raffle token; null for SOF.
        amount: in the token's smallest unit.
        balance: the same in whole tokens: SOF has 18 decimals, raffle tokens have none.
    """

    holder: str
    chain_id: int
    token: str
    deployment: str
    season_id: Whole | None
    amount: str
    balance: Decimal


class Transfer(Struct):
    """SOF or a raffle token that moved.

    Attributes:
        position: in the log.
        from_address: the zero address when it was minted.
        to_address: the zero address when it was burnt.
        amount: in the token's smallest unit.
    """

    position: int
    chain_id: int
    token: str
    season_id: Whole | None
    from_address: str
    to_address: str
    amount: str
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class BalanceKey(Struct, tag="balances", array_like=True, frozen=True):
    """The last balance of a page."""

    holder: str
    chain_id: Integer
    token: str


class TransferKey(Struct, tag="transfers", array_like=True, frozen=True):
    """The last transfer of a page: its place in the log, which orders those of several chains."""

    position: Integer


# The season of a raffle token. Seasons are few.
_SEASON = """
        LEFT JOIN {read}.season
            ON season.chain_id = held.chain_id AND season.raffle_token = held.token
"""
# Of an address and those linked with it. Indexes: the primary keys of balance and contract.
SELECT_BALANCES = Statement(
    Balance,
    f"""
    SELECT
        held.holder, held.chain_id, held.token, contract.deployment, season.season_id,
        held.amount::text AS amount,
        CASE contract.kind WHEN 'token' THEN held.amount * 1e-18 ELSE held.amount * 1.0 END
            AS balance
    FROM
        ({LINKED}) AS linked (address)
        JOIN {{read}}.balance AS held ON held.holder = linked.address
        JOIN {{read}}.contract
            ON contract.chain_id = held.chain_id AND contract.address = held.token
        {_SEASON}
    WHERE held.amount <> 0
      AND (held.holder, held.chain_id, held.token)
          > (%(holder)s::text, %(chain_id)s::bigint, %(token)s::text)
    ORDER BY held.holder, held.chain_id, held.token
    LIMIT %(limit)s::int + 1
    """,
)
# Newest first. An address has a key for each of its tokens; of each key the newest are found, then
# the newest of all. Two holders might share a key, so what the log says decides.
# Indexes: balance's primary key, transfer_by_sender, transfer_by_recipient, and the log's
# stored_event_notification_id.
SELECT_TRANSFERS = Statement(
    Transfer,
    f"""
    WITH held AS MATERIALIZED (
        SELECT
            balance.*,
            hashtextextended(balance.holder, hashtextextended(balance.token, 0)) AS key
        FROM
            ({LINKED}) AS linked (address)
            JOIN {{read}}.balance ON balance.holder = linked.address
        WHERE balance.token = coalesce(%(token)s::text, balance.token)
    ),
    found AS (
        SELECT newest.position
        FROM
            held
            CROSS JOIN LATERAL (
                SELECT position FROM {{read}}.transfer
                WHERE sender_key = held.key AND position < %(position)s::bigint
                ORDER BY position DESC
                LIMIT %(limit)s::int + 1
            ) AS newest
        UNION
        SELECT newest.position
        FROM
            held
            CROSS JOIN LATERAL (
                SELECT position FROM {{read}}.transfer
                WHERE recipient_key = held.key AND position < %(position)s::bigint
                ORDER BY position DESC
                LIMIT %(limit)s::int + 1
            ) AS newest
        ORDER BY position DESC
        LIMIT %(limit)s::int + 1
    )
    SELECT
        found.position, moved.chain_id, moved.contract AS token, season.season_id,
        moved.from_address, moved.to_address, moved.value::text AS amount,
        moved.tx_hash, moved.log_index, moved.block_number, moved.block_time
    FROM
        found
        CROSS JOIN LATERAL (
            SELECT chain_id, contract, from_address, to_address, value, tx_hash, log_index,
                block_number, block_time
            FROM log.sof_transfer WHERE sof_transfer.position = found.position
            UNION ALL
            SELECT chain_id, contract, from_address, to_address, value, tx_hash, log_index,
                block_number, block_time
            FROM log.raffle_token_transfer WHERE raffle_token_transfer.position = found.position
        ) AS moved
        LEFT JOIN {{read}}.season
            ON season.chain_id = moved.chain_id AND season.raffle_token = moved.contract
    WHERE EXISTS (
        SELECT FROM held
        WHERE held.chain_id = moved.chain_id
          AND held.token = moved.contract
          AND held.holder IN (moved.from_address, moved.to_address)
    )
    ORDER BY found.position DESC
    """,
)


@get("/players/{player:str}/balances", responses=PROBLEMS)
async def list_balances(
    database: NamedDependency[Database],
    player: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Balance]]:
    """What a player, their wallet and their smart accounts hold, by holder and token."""
    after = decode_cursor(cursor, BalanceKey) if cursor else BalanceKey("", 0, "")
    parameters = {"address": address(player), "limit": limit, **structs.asdict(after)}
    reading = await database.read(SELECT_BALANCES, **parameters)
    rows = reading.rows(SELECT_BALANCES)
    return answer(reading, make_page(reading, rows, limit=limit, key=_balance_key))


def _balance_key(row: Balance) -> BalanceKey:
    return BalanceKey(row.holder, row.chain_id, row.token)


@get("/players/{player:str}/transfers", responses=PROBLEMS)
async def list_transfers(
    database: NamedDependency[Database],
    player: FromPath[str],
    token: TokenFilter = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Transfer]]:
    """What a player, their wallet and their smart accounts sent and received, newest first."""
    after = decode_cursor(cursor, TransferKey) if cursor else TransferKey(INTEGER_MAX)
    reading = await database.read(
        SELECT_TRANSFERS,
        address=address(player),
        token=token and address(token, "token"),
        position=after.position,
        limit=limit,
    )
    rows = reading.rows(SELECT_TRANSFERS)
    return answer(reading, make_page(reading, rows, limit=limit, key=_transfer_key))


def _transfer_key(row: Transfer) -> TransferKey:
    return TransferKey(row.position)
