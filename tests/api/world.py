"""Read models filled by hand: seasons and trades go in, and a naive fold keeps the positions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Placeholder

from projections import folds, generations
from projections.settling import settle
from schema.database import connect
from schema.read_models import generation_schema
from schema.read_models.seasons import ACTIVE

CHAIN_ID = 31337
START = datetime(2026, 1, 1, tzinfo=UTC)
SOF = 10**18
RAFFLE = "0x" + "a0" * 20

Values = Mapping[str, Any]


def address_of(number: int) -> str:
    """A made-up address."""
    return f"0x{number:040x}"


def block_time(number: int) -> datetime:
    """When a block of the made-up chain came."""
    return START + timedelta(seconds=2 * number)


class World:
    """One generation of read models, and where the next trade goes."""

    def __init__(self, connection: Connection[Any]) -> None:
        """Make a generation with one chain and one deployment, as the database's owner."""
        self.connection = connection
        self._created = generations.create(connection)
        self.generation = self._created.number
        self.log_position = 0
        self.seasons: dict[int, Values] = {}
        self._players: dict[str, int] = {}
        self._positions: dict[tuple[int, str], dict[str, Any]] = {}
        self.add_chain()
        self.add_raffle("main", RAFFLE)

    def insert(self, table: str, **values: Any) -> None:
        """Insert one row of a read model."""
        self.connection.execute(
            SQL("INSERT INTO {} ({}) VALUES ({})").format(
                self._table(table),
                SQL(", ").join(map(Identifier, values)),
                SQL(", ").join([Placeholder()] * len(values)),
            ),
            list(values.values()),
        )

    def update(self, table: str, keys: Values, **values: Any) -> None:
        """Change the rows of a read model that have these keys."""
        self.connection.execute(
            SQL("UPDATE {} SET {} WHERE {}").format(
                self._table(table),
                SQL(", ").join(_equal(name) for name in values),
                SQL(" AND ").join(_equal(name) for name in keys),
            ),
            [*values.values(), *keys.values()],
        )

    def serve(self) -> None:
        """Let this generation serve, at the position of its last trade."""
        self.connection.execute(
            "UPDATE daybook.serving SET generation = %s, position = %s",
            [self.generation, self.log_position],
        )

    def settle(self) -> None:
        """Make what is derived from the other read models, of the trades so far."""
        schema = Identifier(self._created.schema)
        self.connection.execute(SQL("SET search_path = {}").format(schema))
        settle(self.connection, self._created, folds.load())

    def add_chain(self, chain_id: int = CHAIN_ID, name: str = "local") -> None:
        """A chain of which block 100 is posted, and block 90 final."""
        self.insert(
            "chain",
            chain_id=chain_id,
            name=name,
            block_number=100,
            block_hash="0x" + "0b" * 32,
            block_time=block_time(100),
            finalized=90,
        )

    def add_raffle(self, deployment: str, raffle: str, chain_id: int = CHAIN_ID) -> None:
        """A deployment's raffle among the followed contracts."""
        self.insert(
            "contract",
            chain_id=chain_id,
            address=raffle,
            deployment=deployment,
            kind="raffle",
            block_number=0,
        )

    def add_season(self, key: int, **given: Any) -> None:
        """A running season with its curve and its partition."""
        season: dict[str, Any] = {
            "season_key": key,
            "chain_id": CHAIN_ID,
            "deployment": "main",
            "season_id": key,
            "raffle": RAFFLE,
            "name": f"Season {key}",
            "status": ACTIVE,
            "start_time": int(START.timestamp()),
            "end_time": int(START.timestamp()) + 86_400,
            "raffle_token": address_of(0xB000 + key),
            "curve": address_of(0xC000 + key),
            "created_block": key,
            "created_time": block_time(key),
            **given,
        }
        self.seasons[key] = season
        self.insert("season", **season)
        self.insert(
            "curve",
            chain_id=season["chain_id"],
            address=season["curve"],
            season_key=key,
            block_number=key,
            block_time=block_time(key),
        )
        partition = self._table(f"trade_s{key}")
        self.connection.execute(
            SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES IN ({})").format(
                partition, self._table("trade"), key
            )
        )

    def trade(
        self, season_key: int, player: str, tickets: int, *, sof_wei: int = 3 * SOF, **given: Any
    ) -> None:
        """A purchase of `tickets`, or a sale where they are negative; `given` columns of it."""
        self.log_position += 1
        place = {"block_number": 100 + self.log_position, "log_index": 4, **given}
        place.setdefault("block_time", block_time(place["block_number"]))
        if player not in self._players:
            self._players[player] = len(self._players) + 1
            self.insert("player", player=player, player_id=self._players[player])
        position = self._position(season_key, player, place)
        before = position["tickets"]
        _fold(position, tickets, sof_wei)
        position |= place
        position["bought_at" if tickets > 0 else "sold_at"] = self.log_position
        self.update("position", {"season_key": season_key, "player": player}, **position)
        held = [p["tickets"] for (key, _), p in self._positions.items() if key == season_key]
        self.insert(
            "trade",
            season_key=season_key,
            position=self.log_position,
            tx_hash=f"0x{self.log_position:064x}",
            kind="BUY" if tickets > 0 else "SELL",
            player=player,
            payer=player,
            tickets=abs(tickets),
            sof_wei=sof_wei,
            fee_wei=sof_wei // 1000,
            price_per_ticket_wei=sof_wei // abs(tickets),
            tickets_before=before,
            tickets_after=position["tickets"],
            total_tickets=sum(held),
            probability_bps=position["tickets"] * 10_000 // (sum(held) or 1),
            **place,
        )
        trades = sum(
            p["buys"] + p["sells"] for (key, _), p in self._positions.items() if key == season_key
        )
        self.update("season", {"season_key": season_key}, total_tickets=sum(held), trades=trades)
        self.serve()

    def _position(self, season_key: int, player: str, place: Values) -> dict[str, Any]:
        key = (season_key, player)
        if key not in self._positions:
            figures = ("tickets", "probability_bps", "buys", "sells", "bought", "sold")
            more = ("spent_wei", "received_wei", "bought_at", "sold_at")
            self._positions[key] = dict.fromkeys([*figures, *more], 0)
            self.insert(
                "position",
                season_key=season_key,
                player=player,
                first_block_number=place["block_number"],
                first_block_time=place["block_time"],
                **self._positions[key],
                **place,
            )
        return self._positions[key]

    def _table(self, name: str) -> Composed:
        schema = Identifier(generation_schema(self.generation))
        return SQL("{}.{}").format(schema, Identifier(name))


def _equal(name: str) -> Composed:
    return SQL("{} = %s").format(Identifier(name))


def _fold(position: dict[str, Any], tickets: int, sof_wei: int) -> None:
    bought = tickets > 0
    position["tickets"] += tickets
    position["buys" if bought else "sells"] += 1
    position["bought" if bought else "sold"] += abs(tickets)
    position["spent_wei" if bought else "received_wei"] += sof_wei


def open_owner(database_url: str) -> Connection[Any]:
    """A session of the database's owner."""
    return connect(database_url, role=None, application_name="tests")
