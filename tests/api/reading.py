"""How a program reads a list of `/v1`: page by page, by the cursor of the page before."""

from collections.abc import Callable
from typing import Any

import httpx


def read_all(
    client: httpx.Client,
    path: str,
    *,
    limit: int,
    between: Callable[[], None] = lambda: None,
    **filters: str,
) -> list[dict[str, Any]]:
    """Every item of a list, as `filters` restrict it; `between` happens after each page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        parameters: dict[str, str | int] = {**filters, "limit": limit}
        if cursor:
            parameters["cursor"] = cursor
        answer = client.get(path, params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
        between()
