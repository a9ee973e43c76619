"""Prediction markets by hand: what no recording has, and reorganisations among them."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest

from projections.runner import Runner
from schema.events import Event
from schema.events.event import Header
from schema.events.markets import (
    FpmmMarketCreated,
    LiquidityAdded,
    LiquidityRemoved,
    MarketCreated,
    MarketCreationFailed,
    Trade,
)
from schema.events.tokens import SofTransfer
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer, Tape

pytestmark = pytest.mark.slow

_LAST_MARKET_BLOCK = 250
_COLLATERAL = "0x" + "c7" * 20  # who holds the SOF that outcome tokens stand for


@pytest.fixture
def post_blocks(url: str, tape: Tape, post: Callable[[], None]) -> Callable[[Iterable[Block]], str]:
    """Puts blocks into a log and posts it; gives the database."""

    def post_all(blocks: Iterable[Block]) -> str:
        with Indexer(url, tape) as indexer:
            indexer.open()
            indexer.backfill([*blocks], width=100, finalized=10_000)
        post()
        return url

    return post_all


def _market_blocks(tape: Tape) -> list[Block]:
    """The blocks up to the last new market, with what announces markets and nothing else."""
    wanted = {"SeasonCreated", "SeasonContractsDeployed", "MarketCreated", "FpmmMarketCreated"}
    return [
        block._replace(events=tuple(e for e in block.events if type(e).__name__ in wanted))
        for block in tape.canonical[: _LAST_MARKET_BLOCK + 1]
    ]


def _markets(tape: Tape) -> dict[str, str]:
    """The recorded markets and their conditions."""
    return {
        event.fpmm_address: event.condition_id
        for block in tape.canonical
        for event in block.events
        if isinstance(event, MarketCreated)
    }


def _next_to_last(blocks: Sequence[Block], *events: Event) -> list[Block]:
    """These blocks, the last of which holds these events too."""
    *before, last = blocks
    at = last.events[-1].log_index + 1 if last.events else 0
    place = {
        "chain_id": 31337,
        "block_number": last.number,
        "block_hash": last.hash,
        "block_time": last.time,
        "tx_hash": "0x" + "ab" * 32,
        "tx_index": 1_000,
    }
    placed = [
        msgspec.structs.replace(event, log_index=at + nth, **place)
        for nth, event in enumerate(events)
    ]
    return [*before, last._replace(events=(*last.events, *placed))]


class _Trader:
    """Somebody who trades outcome tokens, with a fee of two percent."""

    def __init__(self, tape: Tape, address: str) -> None:
        (self._token,) = (at for at, kind in tape.singletons.items() if kind == "token")
        self._address = address

    def buy(self, market: str, *, yes: bool, sof: int, tokens: int) -> list[Event]:
        return [
            self._moved(self._address, market, sof),
            self._moved(market, _COLLATERAL, sof - sof * 2 // 100),
            Trade(*_place(market), self._address, yes, sof, tokens),
        ]

    def sell(self, market: str, *, yes: bool, sof: int, tokens: int) -> list[Event]:
        return [
            self._moved(_COLLATERAL, market, sof * 100 // 98),
            self._moved(market, self._address, sof),
            Trade(*_place(market), self._address, yes, tokens, sof),
        ]

    def _moved(self, sender: str, to: str, value: int) -> Event:
        return SofTransfer(*_place(self._token), sender, to, value)


def _place(contract: str) -> Header:
    return (0, 0, "", 0, "", 0, 0, contract)


def test_trades_of_one_transaction_are_told_apart(
    post_blocks: Callable[[Iterable[Block]], str], tape: Tape
) -> None:
    """Given trades of two markets in turn, like amounts and prices of one, then all are right."""
    one, other, *_ = _markets(tape)
    trader = _Trader(tape, "0x" + "11" * 20)
    trades = [
        ("BUY", trader.buy(one, yes=True, sof=300, tokens=150)),
        ("SELL", trader.sell(one, yes=True, sof=98, tokens=300)),
        ("BUY", trader.buy(other, yes=False, sof=300, tokens=7)),
        ("BUY", trader.buy(one, yes=True, sof=300, tokens=294)),  # paid on: 294 too
        ("SELL", trader.sell(other, yes=False, sof=196, tokens=200)),  # came in: 200 too
        ("BUY", trader.buy(one, yes=False, sof=300, tokens=1)),
    ]
    events = [event for _, part in trades for event in part]
    url = post_blocks(_next_to_last(_market_blocks(tape), *events))

    rows = select(url, "SELECT * FROM market_trade ORDER BY log_index")
    assert [row["kind"] for row in rows] == [kind for kind, _ in trades]
    assert [row["fee_wei"] for row in rows] == [6, 2, 6, 6, 4, 6]
    sums = {row["address"]: row for row in select(url, "SELECT * FROM market WHERE trades > 0")}
    assert (sums[one]["spent_wei"], sums[one]["received_wei"]) == (900, 98)
    assert (sums[other]["spent_wei"], sums[other]["received_wei"]) == (300, 196)
    assert (sums[one]["yes_bought"], sums[one]["yes_sold"], sums[one]["no_bought"]) == (444, 300, 1)
    assert (sums[other]["no_bought"], sums[other]["no_sold"]) == (7, 200)


def test_a_trade_that_no_transfer_tells_of_has_no_direction(
    post_blocks: Callable[[Iterable[Block]], str], tape: Tape
) -> None:
    """Given a trade without its SOF, then it is counted, and neither bought nor sold."""
    market, *_ = _markets(tape)
    lone = Trade(*_place(market), "0x" + "11" * 20, buy_yes=True, amount_in=5, amount_out=6)
    url = post_blocks(_next_to_last(_market_blocks(tape), lone))

    (row,) = select(url, "SELECT * FROM market_trade")
    (sums,) = select(url, "SELECT * FROM market WHERE trades > 0")
    assert (row["kind"], row["fee_wei"]) == (None, None)
    assert (sums["trades"], sums["spent_wei"], sums["fees_wei"]) == (1, 0, 0)


def test_liquidity_and_failures_are_kept(
    post_blocks: Callable[[Iterable[Block]], str], tape: Tape
) -> None:
    """Given liquidity that comes and goes and a market that failed, then both are told."""
    market, *_ = _markets(tape)
    (factory,) = (at for at, kind in tape.singletons.items() if kind == "market_factory")
    someone, kind = "0x" + "11" * 20, "0x" + "22" * 32
    events = [
        LiquidityAdded(*_place(market), someone, 700, 7),
        LiquidityAdded(*_place(market), someone, 300, 3),
        LiquidityRemoved(*_place(market), someone, 2, 200),
        MarketCreationFailed(*_place(factory), 1, someone, kind, "no funds"),
    ]
    url = post_blocks(_next_to_last(_market_blocks(tape), *events))

    (row,) = select(url, f"SELECT * FROM market WHERE address = '{market}'")
    assert (row["liquidity_added_wei"], row["liquidity_removed_wei"]) == (1_000, 200)
    (failed,) = select(url, "SELECT * FROM market_step WHERE kind = 'FAILURE'")
    assert (failed["player"], failed["market_type"]) == (someone, kind)
    assert failed["reason"] == "no funds"


@pytest.mark.parametrize("announcing", [MarketCreated, FpmmMarketCreated])
def test_either_announcement_makes_a_market(
    post_blocks: Callable[[Iterable[Block]], str],
    tape: Tape,
    announcing: type[Event],
) -> None:
    """Given the factory's word alone, or the manager's, then there are the same markets."""
    other = {MarketCreated: FpmmMarketCreated, FpmmMarketCreated: MarketCreated}[announcing]
    url = post_blocks(
        block._replace(events=tuple(e for e in block.events if not isinstance(e, other)))
        for block in _market_blocks(tape)
    )

    rows = select(url, "SELECT * FROM market")
    assert {row["address"]: row["condition_id"] for row in rows} == _markets(tape)
    assert {row["lp_token"] is None for row in rows} == {announcing is MarketCreated}
    assert {row["market_type"] is None for row in rows} == {announcing is FpmmMarketCreated}


def test_reorganisations_among_markets_leave_what_a_replay_makes(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given forks where markets are made, traded and settled, then all is as in a replay."""
    blocks = tape.canonical
    with Indexer(url, tape) as indexer:
        indexer.open()
        for first, last in ((248, 266), (462, 468)):
            begun = indexer.chain.head.number + 1 if indexer.chain.head else 0
            indexer.backfill(blocks[begun:first], width=100, finalized=first - 1)
            for number in range(first, last, 6):
                # Six blocks come, are posted, leave but for one, and come again.
                for at in (range(number, number + 6), range(number + 1, number + 6)):
                    for block in at:
                        indexer.follow(blocks[block], finality=30)
                        post_all(runner)
                    if at[0] == number:
                        indexer.leave(number)
                        post_all(runner)

    assert len(select(url, "SELECT FROM market_trade")) > 10
    assert len(select(url, "SELECT FROM market_condition WHERE NOT player_won")) == 10
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def post_all(runner: Runner) -> None:
    """Post everything that stands in the log."""
    while runner.post_next():
        pass
