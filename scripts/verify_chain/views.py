"""The contracts' view functions that read models are compared with."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from schema.events.abi import escape_text

_SELECTOR_BYTES = 4
_STRING = "bytes"  # a contract's string may be any bytes


class View(NamedTuple):
    """A view function.

    Attributes:
        contract: its contract, by the name that people know it by.
        signature: its name and the types of its arguments.
        outputs: types of what it returns; a struct's in parentheses.
        names: of all outputs, those inside structs too, in order, as the contract calls them.
    """

    contract: str
    signature: str
    outputs: tuple[str, ...]
    names: tuple[str, ...]

    def encode(self, arguments: Sequence[Any]) -> str:
        """The data of a call, in 0x hex."""
        types = self.signature.partition("(")[2].removesuffix(")")
        encoded = abi_encode(types.split(","), arguments) if types else b""
        return "0x" + (_selector(self.signature) + encoded).hex()

    def decode(self, returned: str) -> dict[str, Any] | None:
        """Outputs by name; None where what was returned is not of their types."""
        try:
            values = abi_decode(self.outputs, bytes.fromhex(returned[2:]))
        except (DecodingError, ValueError, OverflowError):
            return None
        flat = [_read(type_, value) for type_, value in _flat(self.outputs, values)]
        return dict(zip(self.names, flat, strict=True))

    @property
    def name(self) -> str:
        """As people say it: `Raffle.getWinners`."""
        return f"{self.contract}.{self.signature.partition('(')[0]}"


@cache
def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:_SELECTOR_BYTES]


def _flat(types: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Each value with its type, those of structs one by one."""
    for type_, value in zip(types, values, strict=True):
        if type_.endswith(")"):
            yield from zip(type_[1:-1].split(","), value, strict=True)
        else:
            yield type_, value


def _read(type_: str, value: Any) -> Any:
    """A value as read models have it."""
    if type_ == _STRING:
        return escape_text(value)
    if type_ == "address[]":
        return list(value)
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _view(contract: str, signature: str, names: str, *outputs: str) -> View:
    return View(contract, signature, outputs, tuple(names.split()))


SEASON_DETAILS = _view(
    "Raffle",
    "getSeasonDetails(uint256)",
    "name startTime endTime winnerCount grandPrizeBps treasuryAddress raffleToken bondingCurve "
    "sponsor isActive isCompleted gated maxParticipants "
    "status totalParticipants totalTickets totalPrizePool",
    f"({_STRING},uint256,uint256,uint16,uint16,address,address,address,address,bool,bool,bool,uint32)",
    "uint8",
    "uint256",
    "uint256",
    "uint256",
)
PARTICIPANTS = _view("Raffle", "getParticipants(uint256)", "participants", "address[]")
WINNERS = _view("Raffle", "getWinners(uint256)", "winners", "address[]")
SEASON_SNAPSHOT = _view("Raffle", "getSeasonSnapshot(uint256)", "snapshotHash", "bytes32")
PARTICIPANT_POSITION = _view(
    "Raffle",
    "getParticipantPosition(uint256,address)",
    "ticketCount entryBlock lastUpdateBlock isActive",
    "(uint256,uint256,uint256,bool)",
)
PLAYER_TICKETS = _view("Curve", "playerTickets(address)", "tickets", "uint256")
CURVE_CONFIG = _view(
    "Curve",
    "curveConfig()",
    "totalSupply sofReserves currentStep buyFee sellFee tradingLocked initialized sellOnly",
    *("uint256", "uint256", "uint256", "uint16", "uint16", "bool", "bool", "bool"),
)
ACCUMULATED_FEES = _view("Curve", "accumulatedFees()", "fees", "uint256")
PAYOUTS = _view(
    "PrizeDistributor",
    "getSeason(uint256)",
    "token grandWinner grandAmount consolationAmount totalParticipants funded grandClaimed",
    "(address,address,uint256,uint256,uint256,bool,bool)",
)
CONSOLATION_CLAIMED = _view(
    "PrizeDistributor", "isConsolationClaimed(uint256,address)", "claimed", "bool"
)
COHORT_STATE = _view(
    "RolloverEscrow",
    "getCohortState(uint256)",
    "phase nextSeasonId bonusBps totalDeposited totalSpent totalBonusPaid isExpired",
    *("uint8", "uint256", "uint16", "uint256", "uint256", "uint256", "bool"),
)
USER_POSITION = _view(
    "RolloverEscrow",
    "getUserPosition(uint256,address)",
    "deposited spent refunded",
    *("uint256", "uint256", "bool"),
)
BALANCE = _view("Token", "balanceOf(address)", "balance", "uint256")
SUPPLY = _view("Token", "totalSupply()", "supply", "uint256")
YES_RESERVE = _view("Market", "yesReserve()", "reserve", "uint256")
NO_RESERVE = _view("Market", "noReserve()", "reserve", "uint256")
FEES_COLLECTED = _view("Market", "feesCollected()", "fees", "uint256")
