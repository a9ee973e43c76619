"""The compatibility paths under `/api`, field by field as the portfolio knows them."""

from typing import Any

import httpx
import pytest

from tests.api.world import CHAIN_ID, SOF, World, address_of, block_time

ALICE, BOB = address_of(0xA11CE), address_of(0xB0B)


@pytest.fixture
def traded(world: World) -> World:
    """Three trades of alice and one of bob, two of them in one block and at one time."""
    world.trade(1, ALICE, 10, sof_wei=10 * SOF + 1, block_number=101)
    world.trade(1, BOB, 5, block_number=102, log_index=4)
    world.trade(1, ALICE, -3, sof_wei=2 * SOF, block_number=102, log_index=10)
    # A later block with an earlier time: order is the chain's, never the clock's alone.
    world.trade(1, ALICE, 1, block_number=103, block_time=block_time(102))
    return world


def _get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


@pytest.mark.usefixtures("traded")
def test_a_transaction_has_the_fields_that_the_portfolio_reads(client: httpx.Client) -> None:
    """Exactly these, with amounts in SOF beside the exact wei."""
    transactions = _get(client, f"/api/raffle/transactions/{ALICE}/1")["transactions"]

    assert transactions[-1] == {
        "id": 1,
        "season_id": 1,
        "user_address": ALICE,
        "player_id": 1,
        "transaction_type": "BUY",
        "ticket_amount": 10,
        "sof_amount": 10.000000000000000001,
        "sof_amount_wei": "10000000000000000001",
        "price_per_ticket": 1,
        "price_per_ticket_wei": "1000000000000000000",
        "tx_hash": f"0x{1:064x}",
        "log_index": 4,
        "block_number": 101,
        "block_timestamp": "2026-01-01T00:03:22Z",
        "tickets_before": 0,
        "tickets_after": 10,
    }
    text = client.get(f"/api/raffle/transactions/{ALICE}/1").text
    assert '"sof_amount":10.000000000000000001' in text


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize("order_by", ["block_timestamp", "block_number", "id"])
def test_every_order_is_total(client: httpx.Client, order_by: str) -> None:
    """Ties in time are broken by the place in the chain, so ascending is descending backwards."""
    path = f"/api/raffle/transactions/{ALICE}/1?orderBy={order_by}"

    rising = _get(client, f"{path}&order=asc")["transactions"]
    falling = _get(client, f"{path}&order=desc")["transactions"]
    paged = [
        _get(client, f"{path}&order=asc&limit=1&offset={at}")["transactions"][0] for at in range(3)
    ]

    assert [t["id"] for t in rising] == [1, 3, 4]
    assert falling == rising[::-1]
    assert paged == rising


@pytest.mark.usefixtures("traded")
def test_a_seasons_transactions_come_with_their_total(client: httpx.Client) -> None:
    """Newest first unless asked otherwise; `total` counts beyond the page."""
    answer = _get(client, "/api/raffle/transactions/season/1?limit=2&offset=1")

    assert [t["id"] for t in answer["transactions"]] == [3, 2]
    assert answer["total"] == 4
    assert _get(client, "/api/raffle/transactions/season/1?order=asc&limit=1")["transactions"][0][
        "id"
    ] == 1  # fmt: skip


@pytest.mark.usefixtures("traded")
def test_a_position_has_the_fields_that_the_portfolio_reads(client: httpx.Client) -> None:
    """Hashes stand once a trade, in the log's order; sales are reported apart."""
    position = _get(client, f"/api/raffle/positions/{ALICE}/1")["position"]

    assert position == {
        "user_address": ALICE,
        "player_id": 1,
        "season_id": 1,
        "transaction_count": 3,
        "total_bought": 11,
        "total_sold": 3,
        "current_tickets": 8,
        "total_sof_spent": 13.000000000000000001,
        "total_sof_spent_wei": str(13 * SOF + 1),
        "total_sof_received": 2,
        "total_sof_received_wei": str(2 * SOF),
        "avg_buy_price": (13 * SOF + 1) // 11 / SOF,
        "avg_buy_price_wei": str((13 * SOF + 1) // 11),
        "first_transaction_at": "2026-01-01T00:03:22Z",
        "last_transaction_at": "2026-01-01T00:03:24Z",
        "transaction_hashes": [f"0x{at:064x}" for at in (1, 3, 4)],
    }


def test_positions_come_newest_season_first(traded: World, client: httpx.Client) -> None:
    """One for each season that the player traded in."""
    traded.add_season(2)
    traded.trade(2, ALICE, 1)

    positions = _get(client, f"/api/raffle/positions/{ALICE}")["positions"]

    assert [position["season_id"] for position in positions] == [2, 1]


@pytest.mark.usefixtures("traded")
def test_no_position_is_null(client: httpx.Client) -> None:
    """Where the season exists and the player did not trade in it."""
    assert _get(client, f"/api/raffle/positions/{address_of(9)}/1") == {"position": None}


def test_a_wallet_shows_its_smart_accounts_position(traded: World, client: httpx.Client) -> None:
    """And its own, where it has one."""
    wallet = address_of(0xEE)
    traded.insert("account", chain_id=CHAIN_ID, account=ALICE, owner=wallet, block_number=1)

    linked = _get(client, f"/api/raffle/positions/{wallet}/1")["position"]
    traded.trade(1, wallet, 2)
    own = _get(client, f"/api/raffle/positions/{wallet}/1")["position"]

    assert linked["user_address"] == ALICE
    assert own["user_address"] == wallet


def test_holders_are_those_with_tickets_most_first(traded: World, client: httpx.Client) -> None:
    """Ties go to whoever got there first; totals count everybody."""
    carol = address_of(0xCA)
    traded.trade(1, carol, 5)
    traded.trade(1, address_of(0xDA), 7)
    traded.trade(1, address_of(0xDA), -7)

    answer = _get(client, "/api/raffle/holders/season/1")

    assert [(h["user_address"], h["current_tickets"]) for h in answer["holders"]] == [
        (ALICE, 8),
        (BOB, 5),
        (carol, 5),
    ]
    assert answer["holders"][0] == {
        "user_address": ALICE,
        "current_tickets": 8,
        "last_block_number": 103,
        "last_block_timestamp": "2026-01-01T00:03:24Z",
        "transaction_count": 3,
    }
    assert (answer["totalHolders"], answer["totalTickets"]) == (3, 18)


@pytest.mark.usefixtures("world")
def test_seasons_and_one_of_them(client: httpx.Client) -> None:
    """The same season in the list and alone."""
    (season,) = _get(client, "/api/seasons")["seasons"]

    assert _get(client, "/api/seasons/1") == {"season": season}
    assert (season["season_id"], season["status"], season["name"]) == (1, 1, "Season 1")
    assert (season["raffle_token"], season["curve"]) == (address_of(0xB001), address_of(0xC001))


def test_a_curve_tells_its_state(world: World, client: httpx.Client) -> None:
    """Found by its address in any case."""
    curve = address_of(0xC001)
    world.update(
        "curve",
        {"address": curve},
        reserves_wei=5 * SOF,
        fees_held_wei=SOF // 2,
        supply=7,
        last_price_wei=SOF + 1,
        block_number=103,
    )

    state = _get(client, f"/api/curve/0x{curve[2:].upper()}/state")

    assert state == {
        "curve": curve,
        "season_id": 1,
        "trading": "open",
        "reserves": 5,
        "reserves_wei": str(5 * SOF),
        "fees_held": 0.5,
        "fees_held_wei": str(SOF // 2),
        "supply": 7,
        "last_price": 1.000000000000000001,
        "last_price_wei": str(SOF + 1),
        "last_updated_block": 103,
        "last_updated_at": "2026-01-01T00:00:02Z",
    }


def test_rollovers_tell_what_is_left(world: World, client: httpx.Client) -> None:
    """Deposited, less what was spent and refunded."""
    world.insert(
        "rollover", season_key=1, player=ALICE, deposited_wei=9 * SOF, spent_wei=2 * SOF,
        refunded_wei=SOF, bonus_wei=SOF // 10,
    )  # fmt: skip
    world.insert("rollover_cohort", season_key=1, phase="active", bonus_bps=600, next_season_id=3)

    (position,) = _get(client, f"/api/rollover/positions?wallet={ALICE}")["positions"]

    assert (position["season_id"], position["user_address"]) == (1, ALICE)
    assert position["left_wei"] == str(6 * SOF)
    assert (position["deposited"], position["spent"], position["refunded"]) == (9, 2, 1)
    assert (position["phase"], position["bonus_bps"], position["next_season_id"]) == (
        "active",
        600,
        3,
    )
