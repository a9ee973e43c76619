"""Who is who in a simulated world: contracts, operators and players, all from the seed."""

import msgspec
from eth_hash.auto import keccak

from schema.events import Header, UndecodedLog

CHAIN_ID = 31337
NOBODY = "0x" + "00" * 20  # mints come from here, burns go there

ROLE_GRANTED = "0x" + keccak(b"RoleGranted(bytes32,address,address)").hex()
APPROVAL = "0x" + keccak(b"Approval(address,address,uint256)").hex()
TRANSFER = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
USER_OPERATION = "0x" + keccak(b"UserOperationEvent(bytes32,address,address)").hex()
RANDOM_WORDS_REQUESTED = "0x" + keccak(b"RandomWordsRequested(uint256)").hex()


class Contracts(msgspec.Struct, frozen=True):
    """The singletons of one deployment; the fields are the keys of its configuration."""

    raffle: str
    season_factory: str
    token: str
    prize_distributor: str
    rollover_escrow: str
    account_factory: str
    market_factory: str
    market_manager: str
    oracle_adapter: str
    price_oracle: str


class Operators(msgspec.Struct, frozen=True):
    """Addresses that act, and contracts that nobody follows."""

    deployer: str
    treasury: str
    bundler: str
    entry_point: str
    randomness: str
    outcome_tokens: str
    sponsored_token: str
    sponsored_nft: str


def address_of(seed: int, *label: object) -> str:
    """The address that this seed gives to whatever the label names."""
    return "0x" + hash_of(seed, "address", *label)[-40:]


def hash_of(seed: int, *label: object) -> str:
    """The 32 bytes, as 0x hex, that this seed gives to whatever the label names."""
    return "0x" + keccak("/".join(map(str, (seed, *label))).encode()).hex()


def contracts_of(seed: int) -> Contracts:
    """The singletons of a seed's deployment."""
    return Contracts(*(address_of(seed, field) for field in Contracts.__struct_fields__))


def operators_of(seed: int) -> Operators:
    """The operators of a seed's deployment."""
    return Operators(*(address_of(seed, field) for field in Operators.__struct_fields__))


def emitted_by(contract: str) -> Header:
    """The header of an event that is not in a block yet: only its contract is known."""
    return (CHAIN_ID, 0, "", 0, "", 0, 0, contract)


def role_granted(contract: str, account: str, sender: str) -> UndecodedLog:
    """An admin log, of a followed contract but described by no event class."""
    topics = (ROLE_GRANTED, "0x" + "00" * 32, word(account), word(sender))
    return UndecodedLog(*emitted_by(contract), topics, "0x")


def approval(contract: str, owner: str, spender: str) -> UndecodedLog:
    """A token's approval, without limit."""
    topics = (APPROVAL, word(owner), word(spender))
    return UndecodedLog(*emitted_by(contract), topics, "0x" + "ff" * 32)


def foreign(contract: str, *topics: str, data: str = "0x") -> UndecodedLog:
    """A log of a contract that nobody follows."""
    return UndecodedLog(*emitted_by(contract), topics, data)


def word(address: str) -> str:
    """An address as a topic."""
    return "0x" + address[2:].rjust(64, "0")
