"""Balances of SOF and of raffle tokens, and what markets earned: what their contracts say."""

from collections.abc import Iterator

from scripts.verify_chain.findings import About
from scripts.verify_chain.readings import Figure, Reading, Row, Subject
from scripts.verify_chain.seasons import of_player, of_season
from scripts.verify_chain.views import BALANCE, FEES_COLLECTED, SUPPLY


def _sof(row: Row) -> Iterator[Reading]:
    yield _balance(row, About(row["deployment"], None, row["player"]))


def _tickets(row: Row) -> Iterator[Reading]:
    yield _balance(row, of_player(row))


def _balance(row: Row, about: About) -> Reading:
    figures = {"balance": Figure("balance.amount", int(row["amount"]))}
    return Reading(BALANCE, row["token"], (row["player"],), about, figures)


def _supplies(row: Row) -> Iterator[Reading]:
    figures = {"supply": Figure("balance.amount in all", int(row["amount"]))}
    yield Reading(SUPPLY, row["token"], (), of_season(row), figures)


def _markets(row: Row) -> Iterator[Reading]:
    figures = {"fees": Figure("market.fees_wei", int(row["fees_wei"]))}
    yield Reading(FEES_COLLECTED, row["address"], (), of_player(row), figures)


# Every holder's rank among a token's is by chance, so that a sample is one of all.
_RANKED = """
    SELECT
        balance.*,
        row_number() OVER (PARTITION BY token ORDER BY md5(%(seed)s || holder), holder) AS rank
    FROM balance
    WHERE balance.chain_id = %(chain_id)s
"""
_IS_CHOSEN = "(%(players)s::bigint IS NULL OR balance.rank <= %(players)s)"

# A token that is older than the first indexed block was moved before: its balances are not whole.
SOF_BALANCES = Subject(
    ("balance", "contract"),
    f"""
    SELECT contract.deployment, balance.token, balance.holder AS player, balance.amount
    FROM ({_RANKED}) AS balance
    INNER JOIN contract
        ON contract.chain_id = balance.chain_id AND contract.address = balance.token
    WHERE
        contract.kind = 'token'
        AND NOT contract.late
        AND %(start_block)s = 0
        AND {_IS_CHOSEN}
    ORDER BY balance.token, player
    """,
    _sof,
)
TICKET_BALANCES = Subject(
    ("balance", "season"),
    f"""
    SELECT season.deployment, season.season_id, balance.token, balance.holder AS player,
        balance.amount
    FROM ({_RANKED}) AS balance
    INNER JOIN season
        ON season.chain_id = balance.chain_id AND season.raffle_token = balance.token
    INNER JOIN compared_season USING (season_key)
    WHERE {_IS_CHOSEN}
    ORDER BY season_key, player
    """,
    _tickets,
)
TICKET_SUPPLIES = Subject(
    ("balance", "season"),
    """
    SELECT season.deployment, season.season_id, season.raffle_token AS token,
        coalesce(
            (
                SELECT sum(balance.amount)
                FROM balance
                WHERE balance.chain_id = season.chain_id AND balance.token = season.raffle_token
            ),
            0
        ) AS amount
    FROM season
    INNER JOIN compared_season USING (season_key)
    ORDER BY season_key
    """,
    _supplies,
)
# Whether a trade paid a fee, and which, is told by the SOF that moved in it.
MARKETS = Subject(
    ("market", "market_trade", "season"),
    """
    SELECT season.deployment, season.season_id, market.player, market.address, market.fees_wei
    FROM market
    INNER JOIN season USING (season_key)
    INNER JOIN compared_season USING (season_key)
    WHERE NOT EXISTS (
        SELECT FROM market_trade
        WHERE
            market_trade.chain_id = market.chain_id
            AND market_trade.market = market.address
            AND market_trade.kind IS NULL
    )
    ORDER BY market.address
    """,
    _markets,
)
