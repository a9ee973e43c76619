"""The world's own figures, in the shape of the recordings' truth and expected figures."""

from typing import Any

from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.state import Cohort, Holding, Market, Season, World


def truth_of(world: World) -> dict[str, Any]:
    """What the contracts hold now; integers beyond 64 bits are decimal strings."""
    return {
        "chainId": CHAIN_ID,
        "seasons": {str(season.season_id): _season(season) for season in world.seasons.values()},
        "players": {
            account: {"kind": "sma", "owner": owner} for account, owner in world.accounts.items()
        },
        "rollover": {str(number): _cohort(cohort) for number, cohort in world.cohorts.items()},
        "markets": [_market(market) for market in world.markets.values()],
        "sofBalances": {address: str(value) for address, value in world.sof.items()},
        "expected": {
            str(season.season_id): {
                player: _figures(holding)
                for player, holding in season.holdings.items()
                if holding.first_block
            }
            for season in world.seasons.values()
        },
    }


def _season(season: Season) -> dict[str, Any]:
    return {
        "seasonId": season.season_id,
        "name": season.name,
        "status": int(season.status),
        "startTime": str(season.start_time),
        "endTime": str(season.end_time),
        "winnerCount": season.winner_count,
        "raffleToken": season.raffle_token,
        "bondingCurve": season.curve_address,
        "totalParticipants": len(season.participants),
        "totalTickets": str(season.total_tickets),
        "totalPrizePool": str(season.prize_pool),
        "participantsInOrder": season.participants,
        "winners": season.winners,
        "lockSnapshot": season.snapshot,
        "curve": _curve(season),
        "prizes": _prizes(season),
        **_by_player(season),
    }


def _curve(season: Season) -> dict[str, Any]:
    return {
        "totalSupply": str(season.total_tickets),
        "sofReserves": str(season.reserves),
        "buyFee": season.curve.buy_fee_bps,
        "sellFee": season.curve.sell_fee_bps,
        "tradingLocked": season.is_locked,
        "accumulatedFees": str(season.fees_held),
        "feesExtracted": str(season.fees_extracted),
        "sofExtracted": str(season.extracted),
        "bondSteps": season.curve.bond_steps(),
    }


def _prizes(season: Season) -> dict[str, Any]:
    prizes = season.prizes
    return {
        "grandWinner": prizes.grand_winner,
        "grandAmount": str(prizes.grand_amount),
        "consolationAmount": str(prizes.consolation_amount),
        "totalParticipants": str(prizes.eligible),
        "funded": bool(season.extracted),
        "grandClaimed": prizes.is_grand_claimed,
        "consolationClaimed": list(prizes.consolation_claimed),
        "consolationAmounts": {
            player: str(amount) for player, amount in prizes.consolation_claimed.items()
        },
        "sponsored": [str(amount) for amount in prizes.sponsored],
        "sponsoredClaimed": sorted(prizes.sponsored_claimed),
        "nfts": prizes.nfts,
        "nftsClaimed": prizes.nfts_claimed,
    }


def _by_player(season: Season) -> dict[str, dict[str, Any]]:
    holdings = season.holdings.items()
    return {
        "tickets": {player: str(holding.tickets) for player, holding in holdings},
        "tokenBalances": {player: str(holding.balance) for player, holding in holdings},
        "entryBlock": {player: holding.entry_block for player, holding in holdings},
        "lastUpdateBlock": {player: holding.last_block for player, holding in holdings},
    }


def _figures(holding: Holding) -> dict[str, Any]:
    return {
        "tickets": str(holding.tickets),
        "buys": holding.buys,
        "sells": holding.sells,
        "bought": str(holding.bought),
        "sold": str(holding.sold),
        "sofSpent": str(holding.spent),
        "sofReceived": str(holding.received),
        "fees": str(holding.fees),
        "firstBlock": holding.first_block,
        "lastBlock": holding.last_block,
    }


def _cohort(cohort: Cohort) -> dict[str, Any]:
    return {
        "phase": cohort.phase,
        "nextSeasonId": cohort.next_season_id,
        "totalDeposited": str(sum(cohort.deposited.values())),
        "totalSpent": str(sum(cohort.spent.values())),
        "totalBonusPaid": str(cohort.bonus_paid),
        "users": {
            player: {
                "deposited": str(amount),
                "spent": str(cohort.spent.get(player, 0)),
                "refunded": player in cohort.refunded,
            }
            for player, amount in cohort.deposited.items()
        },
    }


def _market(market: Market) -> dict[str, Any]:
    return {
        "seasonId": market.season_id,
        "player": market.player,
        "fpmm": market.address,
        "conditionId": market.condition_id,
        "yesReserve": str(market.reserves[True]),
        "noReserve": str(market.reserves[False]),
        "feesCollected": str(market.fees),
    }
