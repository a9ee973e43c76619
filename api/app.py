"""The application: every endpoint, and what they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.types import Message, Scope

from api import (
    balances,
    box_raffles,
    candles,
    events,
    leaderboard,
    leaderboards,
    market_history,
    markets,
    page,
    participants,
    players,
    seasons,
    sponsorships,
    statistics,
    status,
    summary,
    trades,
)
from api.answers import known_and_modified, not_modified
from api.compat import positions as compat_positions
from api.compat import seasons as compat_seasons
from api.compat import transactions as compat_transactions
from api.database import Database
from api.problems import EXCEPTION_HANDLERS

_V1 = (
    seasons.list_seasons,
    seasons.get_season,
    statistics.get_statistics,
    participants.list_participants,
    participants.get_snapshot,
    candles.list_candles,
    candles.list_chances,
    leaderboard.list_standings,
    leaderboards.list_scores,
    trades.list_season_trades,
    summary.get_player,
    players.list_positions,
    trades.list_player_trades,
    balances.list_balances,
    balances.list_transfers,
    sponsorships.list_sponsorships,
    markets.list_markets,
    markets.get_market,
    market_history.list_market_trades,
    market_history.list_market_prices,
    market_history.list_market_steps,
    *box_raffles.HANDLERS,
    events.list_events,
    events.get_event,
)
_COMPAT = (
    compat_transactions.list_player_transactions,
    compat_transactions.list_season_transactions,
    compat_positions.get_position,
    compat_positions.list_positions,
    compat_positions.list_holders,
    compat_seasons.list_seasons,
    compat_seasons.get_season,
    compat_seasons.get_curve,
    compat_seasons.list_rollovers,
)

# The page loads nothing from elsewhere, and nobody may frame it.
_SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


def create_app(database_url: str) -> Litestar:
    """The api over one database, which may be away for now: only `/ready` then says so."""
    database = Database(database_url)

    @asynccontextmanager
    async def connected(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        try:
            yield
        finally:
            await database.close()

    app = Litestar(
        [
            Router("/v1", route_handlers=_V1, tags=["v1"], before_request=known_and_modified),
            Router("/api", route_handlers=_COMPAT, tags=["compat"], before_request=not_modified),
            Router("/", route_handlers=status.HANDLERS, tags=["status"]),
            *page.HANDLERS,
        ],
        dependencies={"database": Provide(lambda: database, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[_add_security_headers],
        lifespan=[connected],
        openapi_config=_describe(),
        logging_config=None,
    )
    app.state.database = database
    return app


def _describe() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="daybook",
        version=version("daybook"),
        description="Read models of on-chain raffles. Errors are RFC 9457 problems.",
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        use_handler_docstrings=True,
    )


async def _add_security_headers(message: Message, _scope: Scope) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", []), *_SECURITY_HEADERS]
