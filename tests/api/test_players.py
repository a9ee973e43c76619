"""`/v1/players/{address}` and its positions."""

import httpx
import pytest

from tests.api.reading import read_all
from tests.api.world import CHAIN_ID, SOF, World, address_of

WALLET, ACCOUNT = address_of(0xAA), address_of(0xBB)


@pytest.fixture
def smart(world: World) -> World:
    """A wallet whose smart account has traded in two seasons, and the wallet itself in one."""
    world.insert("account", chain_id=CHAIN_ID, account=ACCOUNT, owner=WALLET, block_number=1)
    world.add_season(2, status=5)
    world.trade(2, ACCOUNT, 10)
    world.trade(1, address_of(1), 50)
    world.trade(1, ACCOUNT, 4, sof_wei=8 * SOF)
    world.trade(1, ACCOUNT, -2, sof_wei=SOF)
    world.trade(1, WALLET, 1)
    return world


@pytest.mark.usefixtures("smart")
@pytest.mark.parametrize("address", [WALLET, ACCOUNT])
def test_a_portfolio_is_found_by_wallet_and_by_smart_account(
    client: httpx.Client, address: str
) -> None:
    """Either address answers with both, each row under its own."""
    positions = client.get(f"/v1/players/{address}/positions").json()["items"]
    trades = client.get(f"/v1/players/{address}/trades").json()["items"]

    rows = [(p["season_id"], p["player"], p["tickets"], p["rank"]) for p in positions]
    assert rows == [(2, ACCOUNT, 10, 1), (1, ACCOUNT, 2, 2), (1, WALLET, 1, 3)]
    assert [trade["player"] for trade in trades] == [WALLET, ACCOUNT, ACCOUNT, ACCOUNT]


@pytest.mark.usefixtures("smart")
def test_a_player_shows_who_belongs_together(client: httpx.Client) -> None:
    """The wallet names its accounts, the account its wallet."""
    wallet = client.get(f"/v1/players/{WALLET}").json()
    account = client.get(f"/v1/players/{ACCOUNT}").json()

    assert (wallet["owner"], wallet["accounts"]) == (None, [ACCOUNT])
    assert (account["owner"], account["accounts"]) == (WALLET, [])
    assert wallet["linked"] == account["linked"] == [WALLET, ACCOUNT]
    assert wallet["trades"] == account["trades"] == 4
    assert wallet["spent_wei"] == str(14 * SOF)
    assert (wallet["player_id"], account["player_id"]) == (3, 1)


@pytest.mark.usefixtures("smart")
def test_addresses_are_taken_in_any_case(client: httpx.Client) -> None:
    """And given back in lower case."""
    player = client.get(f"/v1/players/{ACCOUNT.upper().replace('X', 'x')}").json()

    assert player["player"] == ACCOUNT


@pytest.mark.usefixtures("smart")
def test_a_position_tells_chance_rank_and_average_price(client: httpx.Client) -> None:
    """The chance is of now: two of fifty-three tickets, whoever traded last."""
    positions = client.get(f"/v1/players/{ACCOUNT}/positions").json()["items"]
    position = next(p for p in positions if p["season_id"] == 1 and p["player"] == ACCOUNT)

    assert (position["tickets"], position["total_tickets"]) == (2, 53)
    assert position["probability_bps"] == 2 * 10_000 // 53
    assert position["average_price_wei"] == str(2 * SOF)
    assert (position["bought"], position["sold"]) == (4, 2)
    assert (position["spent_wei"], position["received_wei"]) == (str(8 * SOF), str(SOF))


@pytest.mark.usefixtures("smart")
def test_positions_come_in_pages(client: httpx.Client) -> None:
    """One by one they are the same as all at once."""
    path = f"/v1/players/{WALLET}/positions"

    assert read_all(client, path, limit=1) == client.get(path).json()["items"]


@pytest.mark.usefixtures("world")
def test_who_never_traded_has_an_empty_portfolio(client: httpx.Client) -> None:
    """Any address can be asked for."""
    player = client.get(f"/v1/players/{address_of(7)}").json()

    assert (player["player_id"], player["trades"], player["spent_wei"]) == (None, 0, "0")
    assert client.get(f"/v1/players/{address_of(7)}/positions").json()["items"] == []
