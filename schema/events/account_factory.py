"""Smart accounts and the wallets that own them."""

from schema.events.event import Event


class AccountCreated(Event, frozen=True):
    """`account` belongs to the wallet `owner`."""

    emitted_by = "account_factory"
    signature = "AccountCreated(address indexed owner, address indexed account)"

    owner: str
    account: str
