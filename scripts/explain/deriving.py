"""A position derived once more from its events, in plain Python: what the fold is checked by."""

from typing import Any

from schema.events.curve import PositionUpdate, TokensPurchased, TokensSold

_SUMS = ("buys", "sells", "bought", "sold", "spent_wei", "received_wei", "fees_wei")


class DerivedPosition:
    """A player's position in a season, as far as the events were taken.

    Attributes:
        figures: those of the read model's row, by column.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Any] = dict.fromkeys(_SUMS, 0)

    def take(self, event: object) -> tuple[int, int] | None:
        """Take the next event; the tickets before and after, if it says so."""
        match event:
            case TokensPurchased():
                self._add(buys=1, bought=event.tokens_received, spent_wei=event.sof_amount)
                self._add(fees_wei=event.fee_amount)
            case TokensSold():
                self._add(sells=1, sold=event.token_amount, received_wei=event.sof_received)
                self._add(fees_wei=event.fee_amount)
            case PositionUpdate():
                self.figures.setdefault("first_block_number", event.block_number)
                self.figures |= {
                    "tickets": event.new_tickets,
                    "probability_bps": event.probability_bps,
                    "block_number": event.block_number,
                    "log_index": event.log_index,
                }
                return event.old_tickets, event.new_tickets
        return None

    def _add(self, **amounts: int) -> None:
        for name, amount in amounts.items():
            self.figures[name] += amount

    def differences(self, row: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Columns whose figure in the row is another: what the events make, and the row's."""
        return {
            name: (figure, row[name])
            for name, figure in self.figures.items()
            if row[name] != figure
        }
