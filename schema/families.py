"""The families of deployments: which contracts each has, as the configuration names them.

A family is one subclass of `Deployment`, whose tag is the configuration's `family`, and one of
`Contracts`, whose fields are the contracts that it is told of; the others are discovered.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, cast, get_type_hints

import msgspec

from schema.events import ContractKind

Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class Contracts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The configured contracts of a deployment: in a family's subclass, a field a kind."""

    def by_address(self) -> dict[str, ContractKind]:
        """Kinds by lower-case address, in the order of the fields."""
        kinds = cast("tuple[ContractKind, ...]", self.__struct_fields__)
        addresses = [(kind, getattr(self, kind)) for kind in kinds]
        return {address.lower(): kind for kind, address in addresses if address is not None}


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One set of contracts on one chain.

    Attributes:
        numbered_by: the kind of the contract that numbers what it makes 1, 2, 3 …; paths name that
            by deployment and number, so another such contract is another deployment.
    """

    numbered_by: ClassVar[ContractKind]

    name: Name
    chain: int
    contracts: Contracts


class CurveRaffleContracts(Contracts, frozen=True):
    """The singletons; curves, raffle tokens and markets are discovered."""

    raffle: Address
    season_factory: Address
    token: Address
    prize_distributor: Address | None = None
    rollover_escrow: Address | None = None
    account_factory: Address | None = None
    market_factory: Address | None = None
    market_manager: Address | None = None
    oracle_adapter: Address | None = None
    price_oracle: Address | None = None


class CurveRaffle(Deployment, frozen=True, tag_field="family", tag="curve-raffle"):
    """Seasons, whose tickets are bought from and sold to a bonding curve."""

    numbered_by = "raffle"

    contracts: CurveRaffleContracts


class BoxRaffleContracts(Contracts, frozen=True):
    """One contract, which holds all raffles."""

    box_raffle: Address


class BoxRaffle(Deployment, frozen=True, tag_field="family", tag="box-raffle"):
    """Raffles of numbered boxes at a fixed price, opened by whoever sells."""

    numbered_by = "box_raffle"

    contracts: BoxRaffleContracts


AnyDeployment = CurveRaffle | BoxRaffle

DEFAULT_FAMILY: Final = "curve-raffle"  # of a deployment that names none
FAMILIES: dict[str, type[Deployment]] = {
    str(family.__struct_config__.tag): family for family in (CurveRaffle, BoxRaffle)
}

SHARED_KINDS: tuple[ContractKind, ...] = ("token", "account_factory")


def contracts_of(family: type[Deployment]) -> type[Contracts]:
    """The class of a family's contracts, whose fields are what is configured of it."""
    return cast("type[Contracts]", get_type_hints(family)["contracts"])


# What is configured, of whichever family.
SINGLETON_KINDS = cast(
    "tuple[ContractKind, ...]",
    tuple(kind for each in FAMILIES.values() for kind in contracts_of(each).__struct_fields__),
)
NUMBERING_KINDS = frozenset(family.numbered_by for family in FAMILIES.values())


def configured_contracts(deployments: Iterable[Deployment]) -> dict[str, tuple[str, ContractKind]]:
    """Deployment and kind by lower-case address; a shared one is of the first that names it."""
    contracts: dict[str, tuple[str, ContractKind]] = {}
    for deployment in deployments:
        for address, kind in deployment.contracts.by_address().items():
            contracts.setdefault(address, (deployment.name, kind))
    return contracts
