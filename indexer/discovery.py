"""New contracts, from the events of those that announce them."""

from schema.events import ContractKind, Event, UndecodedLog
from schema.events.markets import FpmmMarketCreated, MarketCreated
from schema.events.raffle import SeasonCreated
from schema.events.season_factory import SeasonContractsDeployed

# What `announced` knows; almost every event is of another class.
ANNOUNCING = frozenset({SeasonContractsDeployed, SeasonCreated, MarketCreated, FpmmMarketCreated})


def announced(event: Event | UndecodedLog) -> list[tuple[ContractKind, str]]:
    """The contracts, as kind and address, that an event says to exist from its block on.

    `SeasonCreated` repeats what `SeasonContractsDeployed` says, so that either will do, and so do
    the two kinds of `MarketCreated`.
    """
    match event:
        case SeasonContractsDeployed() | SeasonCreated():
            return [("curve", event.bonding_curve), ("raffle_token", event.raffle_token)]
        case MarketCreated():
            return [("market", event.fpmm_address)]
        case FpmmMarketCreated():
            return [("market", event.fpmm)]
        case _:
            return []
