"""What the query strings of the compatibility paths may hold."""

from typing import Annotated, Literal

from litestar.params import QueryParameter

LIMIT_DEFAULT = 50

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="Rows at most.")]
Offset = Annotated[int, QueryParameter(ge=0, lt=2**31, description="Rows to leave out before.")]
Order = Annotated[Literal["asc", "desc"], QueryParameter(description="Oldest or newest first.")]
OrderBy = Annotated[
    Literal["block_timestamp", "block_number", "id"],
    QueryParameter(description="Ties are ordered as in the log."),
]
