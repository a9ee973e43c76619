"""`/v1/box-raffles…`: how raffles are named, pages of every list, and ranks with ties."""

from typing import Any

import httpx
import pytest

from tests.api.reading import read_all
from tests.api.world import CHAIN_ID, SOF, World, address_of, block_time

_SELLER = address_of(0x5E)
_CONTRACT = "0x" + "b0" * 20
_LARGE = 2**256 - 1


def _add_deployment(world: World, name: str, contract: str = _CONTRACT) -> None:
    world.insert(
        "contract",
        chain_id=CHAIN_ID,
        address=contract,
        deployment=name,
        kind="box_raffle",
        block_number=0,
    )


def _add_raffle(world: World, key: int, **given: Any) -> None:
    """An open raffle of ten boxes."""
    raffle: dict[str, Any] = {
        "raffle_key": key,
        "chain_id": CHAIN_ID,
        "deployment": "boxes",
        "raffle_id": key,
        "contract": _CONTRACT,
        "seller": _SELLER,
        "total_boxes": 10,
        "box_price_wei": SOF,
        "winner_count": 1,
        "created_block": key,
        "created_time": block_time(key),
        **given,
    }
    world.insert("box_raffle", **raffle)


def _add_box(world: World, number: int, player: str, *, raffle_key: int = 1) -> None:
    world.insert(
        "box",
        raffle_key=raffle_key,
        box_number=number,
        player=player,
        price_wei=SOF,
        block_number=10,
        log_index=0,
        block_time=block_time(10),
        tx_hash="0x" + "00" * 32,
    )


def _add_participant(
    world: World, player: str, *, boxes: int, block: int, raffle_key: int = 1
) -> None:
    world.insert(
        "box_participant",
        raffle_key=raffle_key,
        player=player,
        boxes=boxes,
        spent_wei=boxes * SOF,
        block_number=block,
        log_index=0,
        block_time=block_time(block),
    )


@pytest.fixture
def boxes(empty_world: World) -> World:
    """A deployment of each family; the one of box raffles has an open raffle."""
    _add_deployment(empty_world, "boxes")
    empty_world.add_season(1)
    _add_raffle(empty_world, 1)
    return empty_world


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("name", ["1", "boxes:1"])
def test_a_raffle_is_found_by_number_and_by_deployment(client: httpx.Client, name: str) -> None:
    """Given one deployment of box raffles, then its number is enough."""
    answer = client.get(f"/v1/box-raffles/{name}").json()

    assert (answer["raffle_id"], answer["deployment"], answer["status"]) == (1, "boxes", "open")
    assert (answer["box_price_wei"], answer["box_price"]) == (str(SOF), 1)
    assert (answer["sold_bps"], answer["closed_block"]) == (0, None)


@pytest.mark.usefixtures("boxes")
def test_the_families_leave_each_others_numbers_alone(client: httpx.Client) -> None:
    """Given one deployment of each family, then a bare number names something in each."""
    assert client.get("/v1/seasons/1").json()["deployment"] == "main"
    assert client.get("/v1/box-raffles/1").json()["deployment"] == "boxes"


def test_among_several_deployments_a_bare_number_is_refused(
    boxes: World, client: httpx.Client
) -> None:
    """Given two deployments of box raffles, then the problem names the choices."""
    _add_deployment(boxes, "others", contract="0x" + "b1" * 20)

    answer = client.get("/v1/box-raffles/1/boxes")

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["type"] == "urn:daybook:ambiguous-raffle"
    assert "boxes:1, others:1" in answer.json()["detail"]
    assert client.get("/v1/box-raffles/boxes:1").status_code == httpx.codes.OK


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("path", ["", "/boxes", "/participants", "/winners"])
@pytest.mark.parametrize(
    ("name", "status", "problem"),
    [("2", 404, "unknown-raffle"), ("main:1", 404, "unknown-raffle"), ("x", 400, "bad-raffle")],
)
def test_a_raffle_that_there_is_not_is_told(
    client: httpx.Client, path: str, name: str, status: int, problem: str
) -> None:
    """Given the name of no raffle, then each of its paths says so, and where they are listed."""
    answer = client.get(f"/v1/box-raffles/{name}{path}")

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:daybook:{problem}")
    assert "/v1/box-raffles lists" in answer.json()["detail"]


def test_numbers_of_any_size_are_exact(boxes: World, client: httpx.Client) -> None:
    """Given the largest numbers there are, then they are strings of all their digits."""
    _add_raffle(boxes, 2, raffle_id=_LARGE, total_boxes=_LARGE, box_price_wei=_LARGE)
    _add_box(boxes, _LARGE, address_of(1), raffle_key=2)

    answer = client.get(f"/v1/box-raffles/{_LARGE}").json()
    (box,) = client.get(f"/v1/box-raffles/{_LARGE}/boxes").json()["items"]

    assert answer["raffle_id"] == answer["total_boxes"] == answer["box_price_wei"] == str(_LARGE)
    assert box["box_number"] == str(_LARGE)


def test_raffles_are_listed_newest_first_page_by_page(boxes: World, client: httpx.Client) -> None:
    """Given raffles of two sellers, then all, and each seller's, are listed without a gap."""
    other = address_of(0x5F)
    for key in range(2, 8):
        _add_raffle(boxes, key, seller=other if key % 2 else _SELLER)

    def listed(path: str) -> list[int]:
        return [row["raffle_id"] for row in read_all(client, path, limit=2)]

    assert listed("/v1/box-raffles") == [7, 6, 5, 4, 3, 2, 1]
    assert listed(f"/v1/sellers/{other}/box-raffles") == [7, 5, 3]


def test_a_grid_is_listed_by_number_and_filtered_by_player(
    boxes: World, client: httpx.Client
) -> None:
    """Given boxes sold in any order, then the grid is in the order of its numbers."""
    first, second = address_of(1), address_of(2)
    for number in (11, 2, 9, 100, 1):
        _add_box(boxes, number, first if number > 9 else second)

    def numbers(path: str) -> list[int]:
        return [row["box_number"] for row in read_all(client, path, limit=2)]

    assert numbers("/v1/box-raffles/1/boxes") == [1, 2, 9, 11, 100]
    own = client.get("/v1/box-raffles/1/boxes", params={"player": first.upper()}).json()["items"]
    assert [row["box_number"] for row in own] == [11, 100]


def test_participants_with_as_many_boxes_share_a_rank(boxes: World, client: httpx.Client) -> None:
    """Given ties, then ranks are 1, 2, 2, 4, and who got there first stands above."""
    for player, count, block in ((1, 3, 50), (2, 5, 60), (3, 3, 40), (4, 1, 30), (5, 0, 20)):
        _add_participant(boxes, address_of(player), boxes=count, block=block)

    for limit in (1, 2, 10):
        rows = read_all(client, "/v1/box-raffles/1/participants", limit=limit)
        assert [(row["rank"], int(row["player"], 16)) for row in rows] == [
            (1, 2),
            (2, 3),
            (2, 1),
            (4, 4),
        ]


def test_a_wallet_finds_what_its_smart_account_takes_part_in(
    boxes: World, client: httpx.Client
) -> None:
    """Given a wallet and its smart account in two raffles, then either shows both, newest first."""
    wallet, account = address_of(1), address_of(2)
    boxes.insert("account", chain_id=CHAIN_ID, account=account, owner=wallet, block_number=1)
    _add_raffle(boxes, 2)
    _add_participant(boxes, wallet, boxes=1, block=10)
    _add_participant(boxes, account, boxes=2, block=11)
    _add_participant(boxes, account, boxes=3, block=12, raffle_key=2)

    for address in (wallet, account):
        rows = read_all(client, f"/v1/players/{address}/box-raffles", limit=1)
        found = [(row["raffle_id"], row["player"], row["boxes"]) for row in rows]
        assert found == [(2, account, 3), (1, account, 2), (1, wallet, 1)]


def test_sales_are_told_by_deployment(boxes: World, client: httpx.Client) -> None:
    """Given a seller in two deployments, then each has its own sums."""
    for deployment, sold in (("others", 2), ("boxes", 5)):
        boxes.insert(
            "box_seller",
            seller=_SELLER,
            deployment=deployment,
            raffles=1,
            cancelled=0,
            boxes_sold=sold,
            proceeds_wei=sold * SOF,
        )

    rows = read_all(client, f"/v1/sellers/{_SELLER}/sales", limit=1)

    assert [(row["deployment"], row["boxes_sold"], row["proceeds"]) for row in rows] == [
        ("boxes", 5, 5),
        ("others", 2, 2),
    ]


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("path", ["box-raffles", "sales"])
def test_a_seller_is_an_address(client: httpx.Client, path: str) -> None:
    """Given no address, then the problem names the parameter."""
    answer = client.get(f"/v1/sellers/nobody/{path}")

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["detail"].startswith("seller: ")
