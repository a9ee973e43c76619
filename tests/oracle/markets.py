"""Prediction markets, the questions they are settled by, and what was traded on them."""

from schema.events import Event
from schema.events.markets import (
    FpmmMarketCreated,
    LiquidityAdded,
    LiquidityRemoved,
    MarketCreated,
    MarketCreationFailed,
    MarketStatusChanged,
    ProbabilityUpdated,
    SeasonMarketsResolved,
    Trade,
)
from schema.events.oracles import ConditionPrepared, ConditionResolved, PriceUpdated
from schema.events.tokens import SofTransfer
from tests.oracle.books import Books, Row, add, place, time

_AMOUNTS = (
    "trades",
    "spent_wei",
    "received_wei",
    "fees_wei",
    "yes_bought",
    "yes_sold",
    "no_bought",
    "no_sold",
    "liquidity_added_wei",
    "liquidity_removed_wei",
)


def take(books: Books, position: int, event: Event) -> None:
    """Take the next event in."""
    match event:
        case MarketCreated():
            _create(books, event, event.fpmm_address)["market_type"] = event.market_type
        case FpmmMarketCreated():
            _create(books, event, event.fpmm)["lp_token"] = event.lp_token
        case Trade():
            _trade(books, position, event)
        case LiquidityAdded():
            add(_market(books, event), liquidity_added_wei=event.amount)
        case LiquidityRemoved():
            add(_market(books, event), liquidity_removed_wei=event.amount)
        case SeasonMarketsResolved():
            for market in books.tables["market"].values():
                if market["season_key"] == books.season(event):
                    market["settled_block_number"] = event.block_number
        case _:
            _take_word(books, event)


def _take_word(books: Books, event: Event) -> None:
    match event:
        case ConditionPrepared():
            _condition(books, event)["question_id"] = event.question_id
        case ConditionResolved():
            _condition(books, event).update(
                player_won=event.player_won,
                payouts=[*event.payouts],
                resolved_block_number=event.block_number,
                resolved_time=time(event),
            )
        case PriceUpdated():
            books.row(
                "market_price",
                {"chain_id": event.chain_id, "market": event.fpmm_address, **place(event)},
                block_time=time(event),
                raffle_bps=event.raffle_bps,
                market_bps=event.market_bps,
                hybrid_bps=event.hybrid_bps,
            )
        case MarketStatusChanged():
            _step(books, event, kind="STATUS", status=event.new_status, reason=event.reason)
        case ProbabilityUpdated():
            _step(books, event, kind="PROBABILITY", probability_bps=event.new_probability_bps)
        case MarketCreationFailed():
            told = {"market_type": event.market_type, "reason": event.reason}
            _step(books, event, kind="FAILURE", **told)


def _create(books: Books, event: MarketCreated | FpmmMarketCreated, address: str) -> Row:
    return books.row(
        "market",
        {"chain_id": event.chain_id, "address": address},
        season_key=books.season(event),
        player=event.player,
        market_type=None,
        condition_id=event.condition_id,
        lp_token=None,
        block_number=event.block_number,
        block_time=time(event),
        **dict.fromkeys(_AMOUNTS, 0),
        settled_block_number=None,
    )


def _market(books: Books, event: Event) -> Row:
    return books.tables["market"][event.chain_id, event.contract]


def _trade(books: Books, position: int, event: Trade) -> None:
    kind, fee = _direction(books, event)
    outcome = "YES" if event.buy_yes else "NO"
    books.row(
        "market_trade",
        {"chain_id": event.chain_id, "market": event.contract, **place(event)},
        position=position,
        block_time=time(event),
        tx_hash=event.tx_hash,
        trader=event.trader,
        outcome=outcome,
        amount_in=event.amount_in,
        amount_out=event.amount_out,
        kind=kind,
        fee_wei=fee,
    )
    market = _market(books, event)
    add(market, trades=1, fees_wei=fee or 0)
    if kind == "BUY":
        bought = f"{outcome.lower()}_bought"
        add(market, spent_wei=event.amount_in, **{bought: event.amount_out})
    elif kind == "SELL":
        sold = f"{outcome.lower()}_sold"
        add(market, received_wei=event.amount_out, **{sold: event.amount_in})


def _direction(books: Books, event: Trade) -> tuple[str | None, int | None]:
    """Bought or sold, and what the market kept: by the SOF that last came to it and left it."""
    moves = [*books.earlier_ones(SofTransfer)]
    came = next((move for move in moves if move.to_address == event.contract), None)
    left = next((move for move in moves if move.from_address == event.contract), None)
    if came is None or left is None:
        return None, None
    pays, gets = came.value == event.amount_in, left.value == event.amount_out
    if pays and (not gets or came.from_address == event.trader):
        return "BUY", came.value - left.value
    return ("SELL", came.value - left.value) if gets else (None, None)


def _condition(books: Books, event: ConditionPrepared | ConditionResolved) -> Row:
    answer = ("question_id", "player_won", "payouts", "resolved_block_number", "resolved_time")
    return books.row(
        "market_condition",
        {"chain_id": event.chain_id, "condition_id": event.condition_id},
        season_key=books.season(event),
        player=event.player,
        **dict.fromkeys(answer),
    )


def _step(
    books: Books,
    event: MarketStatusChanged | ProbabilityUpdated | MarketCreationFailed,
    **told: object,
) -> None:
    untold = dict.fromkeys(("status", "probability_bps", "market_type", "reason"))
    start = {"player": event.player, "block_time": time(event), "tx_hash": event.tx_hash}
    key = {"season_key": books.season(event), **place(event)}
    books.row("market_step", key, **{**start, **untold, **told})
