"""Compares what the api answers about box raffles with the truth of a chain, figure by figure."""

from typing import Any

import httpx

from tests.e2e.truth import get, pages


def assert_box_answers(api: httpx.Client, truth: dict[str, Any]) -> None:
    """Every figure of the truth is the one that the api answers, and there is nothing else."""
    raffles = truth["boxRaffles"]
    listed = [str(row["raffle_id"]) for row in pages(api, "/v1/box-raffles")]
    assert listed == sorted(raffles, key=int, reverse=True)
    for raffle, expected in raffles.items():
        _assert_raffle(api, raffle, expected)
        _assert_boxes(api, raffle, expected)
        _assert_participants(api, raffle, expected["participants"])
    _assert_players(api, raffles)
    _assert_sellers(api, raffles, truth["boxSellers"])


def _assert_raffle(api: httpx.Client, raffle: str, truth: dict[str, Any]) -> None:
    answer = get(api, f"/v1/box-raffles/{raffle}")
    found = {
        "seller": answer["seller"],
        "totalBoxes": answer["total_boxes"],
        "boxPrice": answer["box_price_wei"],
        "winnerCount": answer["winner_count"],
        "status": answer["status"],
        "boxesSold": answer["boxes_sold"],
        "proceeds": answer["proceeds_wei"],
    }
    assert found == {key: truth[key] for key in found}
    assert answer["sold_bps"] == truth["boxesSold"] * 10_000 // truth["totalBoxes"]
    assert answer["winners_selected"] == len(truth["winners"])
    assert (answer["closed_block"] is not None) == (truth["status"] in {"drawn", "cancelled"})
    drawn = list(pages(api, f"/v1/box-raffles/{raffle}/winners"))
    found_winners = [{"player": row["player"], "boxNumber": row["box_number"]} for row in drawn]
    assert found_winners == truth["winners"]


def _assert_boxes(api: httpx.Client, raffle: str, truth: dict[str, Any]) -> None:
    rows = list(pages(api, f"/v1/box-raffles/{raffle}/boxes"))
    found = {
        str(row["box_number"]): {
            "player": row["player"],
            "price": row["price_wei"],
            "block_number": row["block_number"],
        }
        for row in rows
    }
    assert found == truth["boxes"]
    numbers = [row["box_number"] for row in rows]
    assert numbers == sorted(numbers)
    won = {row["box_number"] for row in rows if row["won"]}
    assert won == {winner["boxNumber"] for winner in truth["winners"]}


def _assert_participants(api: httpx.Client, raffle: str, truth: dict[str, Any]) -> None:
    rows = list(pages(api, f"/v1/box-raffles/{raffle}/participants"))
    found = {
        row["player"]: {"boxes": row["boxes"], "spent": row["spent_wei"], "won": row["won"]}
        for row in rows
    }
    assert found == truth
    counts = [row["boxes"] for row in rows]
    assert [row["rank"] for row in rows] == [1 + sum(c > n for c in counts) for n in counts]
    order = [(-row["boxes"], row["block_number"], row["log_index"]) for row in rows]
    assert order == sorted(order)


def _assert_players(api: httpx.Client, raffles: dict[str, Any]) -> None:
    players = {player for raffle in raffles.values() for player in raffle["participants"]}
    for player in players:
        rows = [
            row
            for row in pages(api, f"/v1/players/{player}/box-raffles")
            if row["player"] == player
        ]
        found = {
            str(row["raffle_id"]): {
                "boxes": row["boxes"],
                "spent": row["spent_wei"],
                "won": row["won"],
            }
            for row in rows
        }
        assert found == {
            number: raffle["participants"][player]
            for number, raffle in raffles.items()
            if player in raffle["participants"]
        }


def _assert_sellers(
    api: httpx.Client, raffles: dict[str, Any], truth: dict[str, dict[str, Any]]
) -> None:
    for seller, expected in truth.items():
        (row,) = pages(api, f"/v1/sellers/{seller}/sales")
        found = {
            "raffles": row["raffles"],
            "cancelled": row["cancelled"],
            "boxesSold": row["boxes_sold"],
            "proceeds": row["proceeds_wei"],
        }
        assert found == expected
        listed = [str(row["raffle_id"]) for row in pages(api, f"/v1/sellers/{seller}/box-raffles")]
        own = [number for number, raffle in raffles.items() if raffle["seller"] == seller]
        assert listed == own[::-1]
