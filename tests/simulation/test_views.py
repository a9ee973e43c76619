"""The simulated contracts answer what the world holds, at any block that the node knows."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from scripts.simulate import views
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import INVALID_PARAMS, Limits, Node, RpcError

_SETTING = Setting(seed=11, seasons=3, players=12, trades=120)
_UNKNOWN = "0x" + "77" * 20


def grown(blocks: int) -> GeneratedChain:
    """The world at its block of this number."""
    chain = generate(_SETTING)
    while chain.blocks.head.number < blocks:
        chain.advance()
    return chain


def call(
    chain: GeneratedChain, contract: str, signature: str, *arguments: Any, at: Any = "latest"
) -> bytes:
    """What a node says that a contract returns."""
    types = signature.partition("(")[2].removesuffix(")")
    encoded = abi_encode(types.split(","), arguments) if types else b""
    data = "0x" + (keccak(signature.encode())[:4] + encoded).hex()
    node = Node(chain, limits=Limits(), calls={})
    answer: str = msgspec.json.decode(node.answer("eth_call", [{"to": contract, "data": data}, at]))
    return bytes.fromhex(answer[2:])


def held(chain: GeneratedChain, at: Any = "latest") -> dict[str, Any]:
    """What the contracts of every season answer, in the words of the world's truth."""
    seasons = chain.truth()["seasons"]
    return {number: _season(chain, season, at) for number, season in seasons.items()}


def _season(chain: GeneratedChain, season: dict[str, Any], at: Any) -> dict[str, Any]:
    number, raffle = season["seasonId"], chain.contracts["raffle"]
    curve = season["bondingCurve"]
    details = abi_decode(
        [
            f"(string,uint256,uint256,{'uint16,' * 2}{'address,' * 4}{'bool,' * 3}uint32)",
            *["uint256"] * 4,
        ],
        call(chain, raffle, "getSeasonDetails(uint256)", number, at=at),
    )
    config = abi_decode(["uint256"] * 8, call(chain, curve, "curveConfig()", at=at))
    players = abi_decode(
        ["address[]"], call(chain, raffle, "getParticipants(uint256)", number, at=at)
    )[0]
    return {
        "name": details[0][0],
        "status": details[1],
        "totalParticipants": details[2],
        "totalTickets": str(details[3]),
        "totalPrizePool": str(details[4]),
        "participantsInOrder": list(players),
        "tickets": {
            player: str(
                abi_decode(
                    ["(uint256,uint256,uint256,bool)"],
                    call(
                        chain,
                        raffle,
                        "getParticipantPosition(uint256,address)",
                        number,
                        player,
                        at=at,
                    ),
                )[0][0]
            )
            for player in players
        },
        "sofReserves": str(config[1]),
        "tradingLocked": bool(config[5]),
    }


def true(chain: GeneratedChain) -> dict[str, Any]:
    """The same figures, as the world itself tells them."""
    return {
        number: {
            **{name: season[name] for name in _TOLD},
            "tickets": {player: season["tickets"][player] for player in season[_IN_ORDER]},
            "sofReserves": season["curve"]["sofReserves"],
            "tradingLocked": season["curve"]["tradingLocked"],
        }
        for number, season in chain.truth()["seasons"].items()
    }


_IN_ORDER = "participantsInOrder"
_TOLD = ("name", "status", "totalParticipants", "totalTickets", "totalPrizePool", _IN_ORDER)


def test_contracts_answer_what_the_world_holds() -> None:
    """Given a whole world, then every season's views are its truth."""
    chain = grown(55)
    assert len(held(chain)) == 3
    assert held(chain) == true(chain)


def test_an_earlier_block_is_answered_as_it_was_then() -> None:
    """Given blocks back and forth, by number and hash, then each answers as at the head."""
    chain = grown(55)
    for number in (40, 48, 35, 54):
        then = grown(number)
        block_hash = then.blocks.head.hash
        assert [block.hash for block in chain.blocks][number] == block_hash
        for at in (hex(number), {"blockHash": block_hash}, {"blockNumber": hex(number)}):
            for season_number, season in then.truth()["seasons"].items():
                assert _season(chain, season, at) == true(then)[season_number]


def test_a_reorganisation_changes_what_is_answered() -> None:
    """Given blocks asked about before they are replaced, then afterwards the new ones answer."""
    chain = grown(50)
    left = chain.blocks.head
    held(chain, hex(left.number - 1))
    chain.reorg(8, length=8)
    instead = true(chain)
    assert held(chain) == instead
    chain.advance()
    assert held(chain, hex(left.number)) == instead
    with pytest.raises(RpcError, match="header for hash not found"):
        held(chain, {"blockHash": left.hash})


@pytest.mark.parametrize(
    ("signature", "arguments", "at", "code"),
    [
        ("nonsense()", [], "latest", 3),
        ("getParticipants(uint256)", [99], "latest", 3),
        ("getWinners(uint256)", [2], "latest", 3),
        ("getParticipants(uint256)", [1], "0xffff", -32000),
        ("getParticipants(uint256)", [1], {"blockHash": "0x" + "11" * 32}, -32000),
        ("getParticipants(uint256)", [1], {"blockHash": "0x11"}, INVALID_PARAMS),
        ("getParticipants(uint256)", [1], 7, INVALID_PARAMS),
    ],
)
def test_what_cannot_be_answered_is_refused_as_by_a_real_node(
    signature: str, arguments: list[Any], at: Any, code: int
) -> None:
    """Given no such function, season or block, then the node's error of that kind."""
    chain = grown(45)
    with pytest.raises(RpcError) as refused:
        call(chain, chain.contracts["raffle"], signature, *arguments, at=at)
    assert refused.value.code == code


def test_an_address_without_a_contract_answers_nothing() -> None:
    """Given an address where nothing is deployed, then no bytes, and no error."""
    assert call(grown(5), _UNKNOWN, "totalSupply()") == b""


def test_every_recorded_function_is_there(recording: Path) -> None:
    """Given the real contracts' recorded calls, then the simulated ones have each function."""
    with gzip.open(recording / "calls.jsonl.gz") as lines:
        recorded = {msgspec.json.decode(line)["data"][2:10] for line in lines}
    simulated = {
        selector.hex()
        for interface in vars(views).values()
        if isinstance(interface, dict) and all(isinstance(key, bytes) for key in interface)
        for selector in interface
    }
    assert recorded <= simulated
