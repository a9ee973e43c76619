"""`/v1/seasons/{season}/sponsorships`: prizes that sponsors added, and who claimed them."""

from datetime import datetime
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct, structs

from api.amounts import Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import INTEGER_MAX, Integer, decode_cursor
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, found_season, season_name
from api.problems import PROBLEMS


class Sponsorship(Struct):
    """A prize that a sponsor added.

    Attributes:
        amount: smallest units of the token, or the NFT's id.
        claimed, claimed_by: of an NFT, whether and by whom; of a token, how much of all that
            sponsors added of it in the season: its winners share that by tiers, whoever gave it.
        tiers, winners: into how many parts a token is shared, and among how many.
        locked: whether no more sponsorships of the season are taken.
    """

    season_id: Whole
    deployment: str
    chain_id: int
    kind: Literal["ERC20", "ERC721"]
    sponsor: str
    token: str
    amount: str
    claimed: str
    claimed_by: list[str]
    tiers: Whole | None
    winners: Whole | None
    locked: bool
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class SponsorshipKey(Struct, tag="sponsorships", array_like=True, frozen=True):
    """The last sponsorship of a page: its place on the season's chain."""

    block_number: Integer
    log_index: Integer


# Newest first. Indexes: the primary keys of sponsorship, claim and prize_tiers.
SELECT_SPONSORSHIPS = Statement(
    Sponsorship,
    f"""
    SELECT
        season.season_id, season.deployment, season.chain_id, given.kind, given.sponsor,
        given.token, given.amount::text AS amount, taken.claimed, taken.claimed_by,
        shared.tiers, shared.winners, shared.locked_block_number IS NOT NULL AS locked,
        given.tx_hash, given.log_index, given.block_number, given.block_time
    FROM
        (
            SELECT * FROM {{read}}.sponsorship
            WHERE season_key = {SEASON_KEY}
              AND (block_number, log_index)
                  < (%(block_number)s::bigint, %(log_index)s::bigint)
            ORDER BY block_number DESC, log_index DESC
            LIMIT %(limit)s::int + 1
        ) AS given
        JOIN {{read}}.season USING (season_key)
        LEFT JOIN {{read}}.prize_tiers AS shared USING (season_key)
        CROSS JOIN LATERAL (
            SELECT
                CASE given.kind
                    WHEN 'ERC20' THEN coalesce(sum(claim.amount), 0) ELSE count(*)
                END::text AS claimed,
                coalesce(
                    array_agg(claim.player ORDER BY claim.block_number, claim.log_index), '{{}}'
                ) AS claimed_by
            FROM {{read}}.claim
            WHERE claim.season_key = given.season_key
              AND claim.kind = 'SPONSORED_' || given.kind
              AND claim.token = given.token
              AND (given.kind = 'ERC20' OR claim.amount = given.amount)
        ) AS taken
    ORDER BY given.block_number DESC, given.log_index DESC
    """,
)


@get("/seasons/{season:str}/sponsorships", responses=PROBLEMS)
async def list_sponsorships(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Sponsorship]]:
    """The sponsored prizes of a season, newest first."""
    name = season_name(season)
    after = (
        decode_cursor(cursor, SponsorshipKey)
        if cursor
        else SponsorshipKey(INTEGER_MAX, INTEGER_MAX)
    )
    parameters = {**name._asdict(), "limit": limit, **structs.asdict(after)}
    reading = await database.read(FIND_SEASON, SELECT_SPONSORSHIPS, **parameters)
    found = found_season(reading, name)
    rows = reading.rows(SELECT_SPONSORSHIPS)
    page = make_page(reading, rows, limit=limit, key=_key, chain_id=found.chain_id)
    return answer(reading, page)


def _key(row: Sponsorship) -> SponsorshipKey:
    return SponsorshipKey(row.block_number, row.log_index)
