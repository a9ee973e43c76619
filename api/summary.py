"""`/v1/players/{address}`: a player's summary: who they are, their totals, and what they won."""

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import Block, answer, block_of
from api.database import Database, Statement
from api.paths import address
from api.players import LINKED
from api.problems import PROBLEMS
from api.ranking import SEASON_BOARD, rank

_UNCLAIMED_MAX = 200  # listed; all are in the sum


class Player(Struct):
    """A player, with the figures of their wallet and smart accounts together.

    Prizes are the grand and the consolation ones, in SOF; sponsored tokens are not in here.

    Attributes:
        player_id: 1, 2, 3 … in order of first appearance; null for who never traded.
        owner: the wallet, if the address is its smart account.
        accounts: the smart accounts, if the address is their wallet.
        linked: the address and all those whose figures are in here.
        seasons: how many they traded in.
        net_wei: received less spent; may be negative. Prizes are not in it.
        won_wei: prizes claimed and claimable together.
        claimed_wei: prizes taken out, whether to the wallet or into the rollover.
        rolled_over_wei: the part of them that went into the rollover.
        claimable_wei: prizes won and not claimed yet.
        best_rank: the best of their ranks by tickets, of all seasons; null for who holds none.
    """

    player: str
    player_id: int | None
    owner: str | None
    accounts: list[str]
    linked: list[str]
    seasons: int
    trades: int
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    net_wei: Wei
    net: Sof
    won_wei: Wei
    won: Sof
    claimed_wei: Wei
    claimed: Sof
    rolled_over_wei: Wei
    rolled_over: Sof
    claimable_wei: Wei
    claimable: Sof
    best_rank: int | None
    first_block_time: datetime | None
    block_time: datetime | None


class Unclaimed(Struct):
    """A prize that a player has won and not claimed yet."""

    season_id: Whole
    deployment: str
    chain_id: int
    player: str
    kind: str
    amount_wei: Wei
    amount: Sof


class Summary(Player):
    """A player, with the prizes to be claimed, and what the answer reflects.

    Attributes:
        unclaimed: newest season first.
    """

    unclaimed: list[Unclaimed]
    block: Block | None
    position: int


# The grand winner has the grand prize; whoever else held tickets at the end, an equal share of the
# consolation. Trading ends before, so that is who holds them now.
# Indexes: position_by_player, prize's primary key, claim_by_player.
_UNCLAIMED = f"""
        SELECT position.season_key, position.player, due.kind, due.amount_wei
        FROM
            ({LINKED}) AS linked (address)
            JOIN {{read}}.position ON position.player = linked.address
            JOIN {{read}}.prize USING (season_key)
            CROSS JOIN LATERAL (
                VALUES
                ('GRAND', CASE WHEN position.player = prize.grand_winner
                    AND NOT prize.grand_claimed THEN prize.grand_amount_wei END),
                ('CONSOLATION', CASE WHEN position.player <> prize.grand_winner
                    AND position.tickets > 0
                    AND NOT EXISTS (
                        SELECT FROM {{read}}.claim
                        WHERE claim.player = position.player
                          AND claim.season_key = position.season_key
                          AND claim.kind = 'CONSOLATION'
                    )
                    THEN div(
                        prize.consolation_amount_wei, nullif(prize.total_participants - 1, 0)
                    ) END)
            ) AS due (kind, amount_wei)
        WHERE prize.funded_wei > 0 AND due.amount_wei > 0
    """

SELECT_UNCLAIMED = Statement(
    Unclaimed,
    f"""
    SELECT
        season.season_id, season.deployment, season.chain_id, unclaimed.player, unclaimed.kind,
        unclaimed.amount_wei::text AS amount_wei, unclaimed.amount_wei * 1e-18 AS amount
    FROM ({_UNCLAIMED}) AS unclaimed JOIN {{read}}.season USING (season_key)
    ORDER BY unclaimed.season_key DESC, unclaimed.player
    LIMIT {_UNCLAIMED_MAX}
    """,
)

# Indexes: position_by_player, claim_by_player; for ranks, see there.
SELECT_PLAYER = Statement(
    Player,
    f"""
    SELECT
        %(address)s::text AS player,
        (SELECT player_id FROM {{read}}.player WHERE player = %(address)s::text) AS player_id,
        (SELECT min(owner) FROM {{read}}.account WHERE account = %(address)s::text) AS owner,
        ARRAY(
            SELECT DISTINCT account FROM {{read}}.account WHERE owner = %(address)s::text
            ORDER BY account
        ) AS accounts,
        linked.addresses AS linked,
        traded.seasons, traded.trades,
        traded.spent_wei::text AS spent_wei, traded.spent_wei * 1e-18 AS spent,
        traded.received_wei::text AS received_wei, traded.received_wei * 1e-18 AS received,
        (traded.received_wei - traded.spent_wei)::text AS net_wei,
        (traded.received_wei - traded.spent_wei) * 1e-18 AS net,
        (claimed.wei + claimable.wei)::text AS won_wei,
        (claimed.wei + claimable.wei) * 1e-18 AS won,
        claimed.wei::text AS claimed_wei, claimed.wei * 1e-18 AS claimed,
        claimed.rolled_over_wei::text AS rolled_over_wei,
        claimed.rolled_over_wei * 1e-18 AS rolled_over,
        claimable.wei::text AS claimable_wei, claimable.wei * 1e-18 AS claimable,
        traded.best_rank, traded.first_block_time, traded.block_time
    FROM
        (SELECT ARRAY({LINKED}) AS addresses) AS linked
        CROSS JOIN LATERAL (
            SELECT
                count(DISTINCT position.season_key) AS seasons,
                coalesce(sum(position.buys + position.sells), 0)::bigint AS trades,
                coalesce(sum(position.spent_wei), 0) AS spent_wei,
                coalesce(sum(position.received_wei), 0) AS received_wei,
                min({rank(SEASON_BOARD, "tickets", "held")}) FILTER (WHERE held.value > 0)
                    AS best_rank,
                min(position.first_block_time) AS first_block_time,
                max(position.block_time) AS block_time
            FROM
                {{read}}.position
                CROSS JOIN LATERAL (SELECT position.season_key, position.tickets AS value) AS held
            WHERE position.player = ANY (linked.addresses)
        ) AS traded
        CROSS JOIN LATERAL (
            SELECT
                coalesce(sum(amount), 0) AS wei,
                coalesce(sum(amount) FILTER (WHERE rolled_over), 0) AS rolled_over_wei
            FROM {{read}}.claim
            WHERE player = ANY (linked.addresses) AND kind IN ('GRAND', 'CONSOLATION')
        ) AS claimed
        CROSS JOIN (
            SELECT coalesce(sum(amount_wei), 0) AS wei FROM ({_UNCLAIMED}) AS due
        ) AS claimable
    """,
)


@get("/players/{player:str}", responses=PROBLEMS)
async def get_player(
    database: NamedDependency[Database], player: FromPath[str]
) -> Response[Summary]:
    """A player: who they are, their totals, and what they won."""
    reading = await database.read(SELECT_PLAYER, SELECT_UNCLAIMED, address=address(player))
    (row,) = reading.rows(SELECT_PLAYER)
    content = Summary(
        **msgspec.structs.asdict(row),
        unclaimed=reading.rows(SELECT_UNCLAIMED),
        block=block_of(reading),
        position=reading.position,
    )
    return answer(reading, content)
