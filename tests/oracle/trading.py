"""Seasons, their curves, and who trades in them."""

from datetime import UTC, date, datetime, timedelta

from schema.events import Event
from schema.events.curve import (
    FeesExtracted,
    PositionUpdate,
    SofExtracted,
    TokensPurchased,
    TokensSold,
    TradingLockedEvent,
    TradingUnlockedSellOnly,
)
from schema.events.raffle import (
    SeasonCancelled,
    SeasonCompleted,
    SeasonCreated,
    SeasonEndRequested,
    SeasonLocked,
    SeasonReadyToFinalize,
    SeasonSnapshotted,
    SeasonStarted,
    VRFFulfilled,
    WinnersSelected,
)
from schema.events.tokens import SofTransfer
from tests.oracle.books import Books, Offer, Row, add, place, time

_STATUSES: dict[type[Event], int] = {
    SeasonStarted: 1,
    SeasonLocked: 2,
    SeasonEndRequested: 3,
    VRFFulfilled: 4,
    SeasonReadyToFinalize: 4,
    SeasonCompleted: 5,
    SeasonCancelled: 6,
}
_BLOCKS: dict[type[Event], str] = {
    SeasonStarted: "started_block",
    SeasonEndRequested: "end_requested_block",
    SeasonCompleted: "closed_block",
    SeasonCancelled: "closed_block",
}
_SUMS = ("trades", "bought", "sold", "spent_wei", "received_wei", "fees_wei")


def take(books: Books, position: int, event: Event) -> None:
    """Take the next event in."""
    match event:
        case SeasonCreated():
            _create(books, position, event)
        case TokensPurchased():
            offer = ("BUY", event.tokens_received, event.sof_amount, event.fee_amount)
            payer = _payer(books, event)
            books.offers[event.contract, event.buyer] = Offer(*offer, event.log_index, payer)
        case TokensSold():
            offer = ("SELL", event.token_amount, event.sof_received, event.fee_amount)
            books.offers[event.contract, event.seller] = Offer(
                *offer, event.log_index, event.seller
            )
        case PositionUpdate():
            _move(books, position, event)
        case SofExtracted() | FeesExtracted() | TradingLockedEvent() | TradingUnlockedSellOnly():
            _change_curve(books, position, event)
        case SeasonSnapshotted() | WinnersSelected():
            _tell(books, position, event)
        case _ if type(event) in _STATUSES:
            _change_status(books, position, event)
    if isinstance(event, TokensPurchased | TokensSold | PositionUpdate | SeasonSnapshotted):
        books.seasons[books.season(event)].take(event)


def _create(books: Books, position: int, event: SeasonCreated) -> None:
    key = books.season(event)
    books.row(
        "season",
        {"season_key": key},
        chain_id=event.chain_id,
        deployment=books.deployments[event.chain_id],
        season_id=event.season_id,
        raffle=event.contract,
        name=event.name,
        status=0,
        start_time=event.start_time,
        end_time=event.end_time,
        raffle_token=event.raffle_token,
        curve=event.bonding_curve,
        created_block=event.block_number,
        created_time=time(event),
        **dict.fromkeys(_BLOCKS.values()),
        snapshot_hash=None,
        total_tickets=0,
        total_participants=0,
        tickets_squared=0,
        prize_pool_wei=0,
        **dict.fromkeys(_SUMS, 0),
        first_trade_block=None,
        first_trade_time=None,
        last_trade_block=None,
        last_trade_time=None,
        winners=[],
    )
    books.row(
        "curve",
        {"chain_id": event.chain_id, "address": event.bonding_curve},
        season_key=key,
        trading="open",
        reserves_wei=0,
        fees_held_wei=0,
        supply=0,
        last_price_wei=None,
        block_number=event.block_number,
        block_time=time(event),
    )
    _step(books, position, event, status=0)


def _step(books: Books, position: int, event: Event, **change: object) -> None:
    unchanged = dict.fromkeys(("status", "trading", "snapshot_hash", "winners"))
    amounts = dict.fromkeys(("extracted_wei", "fees_extracted_wei"), 0)
    start = {"block_number": event.block_number, "block_time": time(event), "orphaned_at": None}
    key = {"season_key": books.season(event), "position": position}
    books.row("season_step", key, **{**start, **unchanged, **amounts, **change})


def _change_status(books: Books, position: int, event: Event) -> None:
    season = _season(books, event)
    season["status"] = _STATUSES[type(event)]
    if type(event) in _BLOCKS:
        season[_BLOCKS[type(event)]] = event.block_number
    if isinstance(event, SeasonEndRequested):
        curve = books.tables["curve"][event.chain_id, season["curve"]]
        season["prize_pool_wei"] = curve["reserves_wei"]
    _step(books, position, event, status=season["status"])


def _tell(books: Books, position: int, event: SeasonSnapshotted | WinnersSelected) -> None:
    change: Row
    match event:
        case SeasonSnapshotted():
            change = {"snapshot_hash": event.snapshot_hash}
            held = books.seasons[books.season(event)]
            books.row(
                "snapshot",
                {"season_key": books.season(event), **place(event)},
                block_time=time(event),
                **change,
                participants=[*held.order],
                tickets=[held.tickets[player] for player in held.order],
            )
        case WinnersSelected():
            change = {"winners": [*event.winners]}
    _season(books, event).update(change)
    _step(books, position, event, **change)


def _change_curve(books: Books, position: int, event: Event) -> None:
    curve = books.tables["curve"][event.chain_id, event.contract]
    curve |= {"block_number": event.block_number, "block_time": time(event)}
    match event:
        case SofExtracted():
            add(curve, reserves_wei=-event.amount)
            _step(books, position, event, extracted_wei=event.amount)
        case FeesExtracted():
            add(curve, fees_held_wei=-event.amount)
            _step(books, position, event, fees_extracted_wei=event.amount)
        case _:
            trading = "locked" if isinstance(event, TradingLockedEvent) else "sell_only"
            curve["trading"] = trading
            _step(books, position, event, trading=trading)


def _payer(books: Books, event: TokensPurchased) -> str:
    for paid in books.earlier_ones(SofTransfer):
        if (paid.to_address, paid.value) == (event.contract, event.sof_amount):
            return paid.from_address
    return event.buyer


def _season(books: Books, event: Event) -> Row:
    return books.tables["season"][(books.season(event),)]


def _move(books: Books, position: int, event: PositionUpdate) -> None:
    season, old, new = _season(books, event), event.old_tickets, event.new_tickets
    add(season, total_participants=bool(new) - bool(old), tickets_squared=new**2 - old**2)
    season["total_tickets"] = event.total_tickets
    if season["first_trade_block"] is None:
        season |= {"first_trade_block": event.block_number, "first_trade_time": time(event)}
    season |= {"last_trade_block": event.block_number, "last_trade_time": time(event)}
    players = len(books.tables["player"])
    books.row("player", {"player": event.player}, player_id=players + 1)
    held = _held(books, event)
    offer = books.offers.pop((event.contract, event.player), None)
    if offer is not None:
        _trade(books, position, event, offer)
        _count(held, offer, position)
        for row in (held, season):
            _sum(row, offer)
            add(row, fees_wei=offer.fee)
        add(season, trades=1)


def _held(books: Books, event: PositionUpdate) -> Row:
    held = books.row(
        "position",
        {"season_key": books.season(event), "player": event.player},
        **_nothing(),
        fees_wei=0,
        first_block_number=event.block_number,
        first_block_time=time(event),
    )
    held |= {"tickets": event.new_tickets, "probability_bps": event.probability_bps}
    held |= {**place(event), "block_time": time(event)}
    return held


def _trade(books: Books, position: int, event: PositionUpdate, offer: Offer) -> None:
    price = offer.sof // offer.tickets if offer.tickets else 0
    where = {"block_number": event.block_number, "log_index": offer.log_index}
    books.row(
        "trade",
        {"season_key": books.season(event), **where},
        position=position,
        block_time=time(event),
        tx_hash=event.tx_hash,
        kind=offer.kind,
        player=event.player,
        payer=offer.payer,
        tickets=offer.tickets,
        sof_wei=offer.sof,
        fee_wei=offer.fee,
        price_per_ticket_wei=price,
        tickets_before=event.old_tickets,
        tickets_after=event.new_tickets,
        total_tickets=event.total_tickets,
        probability_bps=event.probability_bps,
    )
    curve = books.tables["curve"][event.chain_id, event.contract]
    kept = offer.sof - offer.fee if offer.kind == "BUY" else -(offer.sof + offer.fee)
    add(curve, reserves_wei=kept, fees_held_wei=offer.fee)
    curve |= {"supply": event.total_tickets, "last_price_wei": price}
    curve |= {"block_number": event.block_number, "block_time": time(event)}
    for span, start in _spans(event.block_time):
        key = {"span": span, "start": start, "player": event.player}
        score = books.row("score", key, tickets=0, **_nothing())
        add(score, tickets=event.new_tickets - event.old_tickets)
        _count(score, offer, position)
        _sum(score, offer)


def _spans(seconds: int) -> list[tuple[str, date]]:
    day = datetime.fromtimestamp(seconds, UTC).date()
    monday = day - timedelta(days=day.weekday())
    return [("day", day), ("week", monday), ("all", date(1970, 1, 1))]


def _nothing() -> dict[str, int]:
    sums = ("bought", "sold", "spent_wei", "received_wei")
    return dict.fromkeys(("buys", "sells", *sums, "bought_at", "sold_at"), 0)


def _count(row: Row, offer: Offer, position: int) -> None:
    count, at = ("buys", "bought_at") if offer.kind == "BUY" else ("sells", "sold_at")
    row[count] += 1
    row[at] = position


def _sum(row: Row, offer: Offer) -> None:
    tickets, sof = ("bought", "spent_wei") if offer.kind == "BUY" else ("sold", "received_wei")
    add(row, **{tickets: offer.tickets, sof: offer.sof})
