"""Prizes, who claimed them, who gave them, and what was carried over."""

from typing import Any

from schema.events import Event
from schema.events.prize_distributor import (
    ConsolationClaimed,
    ERC20Sponsored,
    ERC721Sponsored,
    GrandClaimed,
    SeasonConfigured,
    SeasonFunded,
    SponsoredERC20Claimed,
    SponsoredERC721Claimed,
    SponsorshipsLocked,
    TiersConfigured,
    TierWinnersSet,
)
from schema.events.rollover_escrow import (
    CohortActivated,
    CohortClosed,
    CohortOpened,
    RolloverDeposit,
    RolloverRefund,
    RolloverSpend,
)
from tests.oracle.books import Books, Row, add, place, time


def take(books: Books, event: Event) -> None:
    """Take the next event in."""
    match event:
        case SeasonConfigured():
            _prize(books, event).update(
                token=event.token,
                grand_winner=event.grand_winner,
                grand_amount_wei=event.grand_amount,
                consolation_amount_wei=event.consolation_amount,
                total_participants=event.total_participants,
            )
        case SeasonFunded():
            add(_prize(books, event), funded_wei=event.amount)
        case CohortOpened() | CohortActivated() | CohortClosed():
            _change_cohort(books, event)
        case RolloverDeposit():
            add(_carried(books, event), deposited_wei=event.amount)
        case RolloverSpend():
            spent, bonus = event.base_amount, event.bonus_amount
            add(_carried(books, event), spent_wei=spent, bonus_wei=bonus)
        case RolloverRefund():
            add(_carried(books, event), refunded_wei=event.amount)
        case _:
            _take_gift(books, event)
            _take_claim(books, event)


def _take_gift(books: Books, event: Event) -> None:
    match event:
        case TiersConfigured():
            _tiers(books, event).update(tiers=event.tier_count, winners=event.total_winners)
        case TierWinnersSet():
            _tiers(books, event).update(winners_set_block_number=event.block_number)
        case SponsorshipsLocked():
            _tiers(books, event).update(locked_block_number=event.block_number)
        case ERC20Sponsored():
            _sponsor(books, event, kind="ERC20", amount=event.amount)
        case ERC721Sponsored():
            _sponsor(books, event, kind="ERC721", amount=event.token_id)


def _take_claim(books: Books, event: Event) -> None:
    match event:
        case GrandClaimed():
            _prize(books, event)["grand_claimed"] = True
            _claim(books, event, event.winner, kind="GRAND", amount=event.amount)
        case ConsolationClaimed():
            deposits = books.earlier_ones(RolloverDeposit)
            rolled_over = (event.account, event.season_id) in {
                (deposit.user_address, deposit.season_id) for deposit in deposits
            }
            row = _claim(books, event, event.account, kind="CONSOLATION", amount=event.amount)
            row["rolled_over"] = rolled_over
        case SponsoredERC20Claimed():
            row = _claim(books, event, event.winner, kind="SPONSORED_ERC20", amount=event.amount)
            row["token"] = event.token
        case SponsoredERC721Claimed():
            row = _claim(books, event, event.winner, kind="SPONSORED_ERC721", amount=event.token_id)
            row["token"] = event.token


def _key(books: Books, event: Event) -> Row:
    return {"season_key": books.season(event)}


def _prize(books: Books, event: Event) -> Row:
    amounts = ("grand_amount_wei", "consolation_amount_wei", "total_participants", "funded_wei")
    return books.row(
        "prize",
        _key(books, event),
        token=None,
        grand_winner=None,
        **dict.fromkeys(amounts, 0),
        grand_claimed=False,
    )


def _tiers(books: Books, event: Event) -> Row:
    columns = ("tiers", "winners", "winners_set_block_number", "locked_block_number")
    return books.row("prize_tiers", _key(books, event), **dict.fromkeys(columns))


def _claim(books: Books, event: Event, player: str, *, kind: str, amount: int) -> Row:
    return books.row(
        "claim",
        {**_key(books, event), **place(event)},
        player=player,
        kind=kind,
        token=None,
        amount=amount,
        rolled_over=False,
        tx_hash=event.tx_hash,
        block_time=time(event),
    )


def _sponsor(books: Books, event: Any, *, kind: str, amount: int) -> None:
    books.row(
        "sponsorship",
        {**_key(books, event), **place(event)},
        kind=kind,
        sponsor=event.sponsor,
        token=event.token,
        amount=amount,
        block_time=time(event),
        tx_hash=event.tx_hash,
    )


def _change_cohort(books: Books, event: CohortOpened | CohortActivated | CohortClosed) -> None:
    cohort = books.row("rollover_cohort", _key(books, event), bonus_bps=0, next_season_id=None)
    match event:
        case CohortOpened():
            cohort |= {"phase": "open", "bonus_bps": event.bonus_bps}
        case CohortActivated():
            cohort |= {"phase": "active", "next_season_id": event.next_season_id}
        case CohortClosed():
            cohort["phase"] = "closed"


def _carried(books: Books, event: RolloverDeposit | RolloverSpend | RolloverRefund) -> Row:
    amounts = ("deposited_wei", "spent_wei", "refunded_wei", "bonus_wei")
    key = {**_key(books, event), "player": event.user_address}
    return books.row("rollover", key, **dict.fromkeys(amounts, 0))
