"""`/v1/sellers/{seller}/sales`: what a seller's box raffles sold."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Wei
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.box_raffles.names import Coins
from api.cursors import decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.problems import PROBLEMS


class Sales(Struct):
    """What a seller's raffles in a deployment sold, those of cancelled raffles included.

    Attributes:
        cancelled: how many of the raffles were given up.
    """

    deployment: str
    seller: str
    raffles: int
    cancelled: int
    boxes_sold: int
    proceeds_wei: Wei
    proceeds: Coins


class SalesKey(Struct, tag="sales", array_like=True, frozen=True):
    """The last deployment of a page."""

    deployment: str


# By deployment, since each may be paid in something else. Index: box_seller's primary key.
SELECT_SALES = Statement(
    Sales,
    """
    SELECT
        deployment, seller, raffles, cancelled, boxes_sold,
        proceeds_wei::text AS proceeds_wei, proceeds_wei * 1e-18 AS proceeds
    FROM {read}.box_seller
    WHERE seller = %(seller)s::text AND deployment > coalesce(%(after)s::text, '')
    ORDER BY deployment
    LIMIT %(limit)s::int + 1
    """,
)


@get("/sellers/{seller:str}/sales", responses=PROBLEMS)
async def list_sales(
    database: NamedDependency[Database],
    seller: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Sales]]:
    """What a seller's box raffles sold, deployment by deployment."""
    after = decode_cursor(cursor, SalesKey) if cursor else None
    reading = await database.read(
        SELECT_SALES,
        seller=address(seller, "seller"),
        after=after and after.deployment,
        limit=limit,
    )
    rows = reading.rows(SELECT_SALES)
    return answer(reading, make_page(reading, rows, limit=limit, key=_key))


def _key(row: Sales) -> SalesKey:
    return SalesKey(row.deployment)
