"""`/v1/players/{address}`: prizes won, claimed and yet to be claimed."""

import httpx
import pytest

from tests.api.world import CHAIN_ID, SOF, World, address_of, block_time

WALLET, ACCOUNT, OTHER = address_of(0xAA), address_of(0xBB), address_of(0xCC)


@pytest.fixture
def drawn(world: World) -> World:
    """A season that the wallet's smart account won; three took part, and one sold out before."""
    world.insert("account", chain_id=CHAIN_ID, account=ACCOUNT, owner=WALLET, block_number=1)
    for player in (WALLET, ACCOUNT, OTHER, address_of(1)):
        world.trade(1, player, 5)
    world.trade(1, address_of(1), -5)
    world.insert(
        "prize",
        season_key=1,
        token=address_of(9),
        grand_winner=ACCOUNT,
        grand_amount_wei=65 * SOF,
        consolation_amount_wei=35 * SOF + 1,
        total_participants=3,
        funded_wei=100 * SOF + 1,
    )
    return world


def _claim(world: World, player: str, kind: str, amount: int, *, rolled_over: bool) -> None:
    world.log_position += 1
    world.insert(
        "claim",
        season_key=1,
        block_number=200 + world.log_position,
        log_index=1,
        player=player,
        kind=kind,
        amount=amount,
        rolled_over=rolled_over,
        tx_hash=f"0x{world.log_position:064x}",
        block_time=block_time(200),
    )
    world.serve()


def _prizes(client: httpx.Client, player: str) -> dict[str, int]:
    answer = client.get(f"/v1/players/{player}").json()
    fields = ("won_wei", "claimed_wei", "rolled_over_wei", "claimable_wei")
    return {field: int(answer[field]) for field in fields}


@pytest.mark.usefixtures("drawn")
def test_a_person_wins_with_all_their_addresses(client: httpx.Client) -> None:
    """Given a grand prize of the account and a consolation of the wallet, then both are theirs."""
    answer = client.get(f"/v1/players/{WALLET}").json()

    share = 35 * SOF // 2
    assert {(row["player"], row["kind"], row["amount_wei"]) for row in answer["unclaimed"]} == {
        (ACCOUNT, "GRAND", str(65 * SOF)),
        (WALLET, "CONSOLATION", str(share)),
    }
    assert answer["claimable_wei"] == answer["won_wei"] == str(65 * SOF + share)
    assert answer["claimable"] == 82.5


def test_what_is_claimed_can_not_be_claimed_again(drawn: World, client: httpx.Client) -> None:
    """Given claims of both kinds, one rolled over, then they move from claimable to claimed."""
    share = 35 * SOF // 2
    _claim(drawn, ACCOUNT, "GRAND", 65 * SOF, rolled_over=False)
    drawn.update("prize", {"season_key": 1}, grand_claimed=True)
    _claim(drawn, WALLET, "CONSOLATION", share, rolled_over=True)

    answer = client.get(f"/v1/players/{WALLET}").json()

    assert answer["unclaimed"] == []
    assert _prizes(client, WALLET) == {
        "won_wei": 65 * SOF + share,
        "claimed_wei": 65 * SOF + share,
        "rolled_over_wei": share,
        "claimable_wei": 0,
    }


def test_sponsored_tokens_are_no_sof(drawn: World, client: httpx.Client) -> None:
    """Given a claim of a sponsored token, then nothing in SOF was claimed."""
    _claim(drawn, OTHER, "SPONSORED_ERC20", 7, rolled_over=False)

    assert _prizes(client, OTHER)["claimed_wei"] == 0


def test_nothing_can_be_claimed_before_the_prizes_are_paid_in(
    drawn: World, client: httpx.Client
) -> None:
    """Given prizes that are configured but not funded, then nothing is won yet."""
    drawn.update("prize", {"season_key": 1}, funded_wei=0)
    drawn.log_position += 1
    drawn.serve()

    assert set(_prizes(client, WALLET).values()) == {0}


@pytest.mark.usefixtures("drawn")
def test_who_holds_nothing_at_the_end_wins_nothing(client: httpx.Client) -> None:
    """Given a player who sold out, then there is neither a prize nor a rank."""
    answer = client.get(f"/v1/players/{address_of(1)}").json()

    assert (answer["won_wei"], answer["best_rank"]) == ("0", None)
    assert client.get(f"/v1/players/{WALLET}").json()["best_rank"] == 1
