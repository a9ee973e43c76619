# pragma version ~=0.4.3
"""
@title A season's bonding curve: the ticket after n others costs (n + 1) × 10¹⁵ wei, and a fee.
"""

interface Token:
    def mint(to: address, amount: uint256): nonpayable
    def burn(owner: address, amount: uint256): nonpayable
    def transfer(to: address, amount: uint256) -> bool: nonpayable
    def transferFrom(owner: address, to: address, amount: uint256) -> bool: nonpayable

interface Raffle:
    def record_position(season_id: uint256, player: address, old: uint256, new: uint256, total: uint256): nonpayable

event CurveInitialized:
    raffleToken: address
    stepCount: uint256

event TokensPurchased:
    buyer: indexed(address)
    sofAmount: uint256
    tokensReceived: uint256
    feeAmount: uint256

event TokensSold:
    seller: indexed(address)
    tokenAmount: uint256
    sofReceived: uint256
    feeAmount: uint256

event PositionUpdate:
    seasonId: indexed(uint256)
    player: indexed(address)
    oldTickets: uint256
    newTickets: uint256
    totalTickets: uint256
    probabilityBps: uint256

event TradingLockedEvent:
    timestamp: uint256

PRICE_STEP: constant(uint256) = 10 ** 15
FEE_BPS: constant(uint256) = 70

season_id: public(immutable(uint256))
raffle: public(immutable(address))
sof: public(immutable(address))
token: public(address)
tickets: public(HashMap[address, uint256])
supply: public(uint256)
reserves: public(uint256)
fees_held: public(uint256)
is_locked: public(bool)

@deploy
def __init__(season_id_: uint256, raffle_: address, sof_: address):
    season_id = season_id_
    raffle = raffle_
    sof = sof_

@external
def initialize(token: address):
    assert self.token == empty(address)
    self.token = token
    log CurveInitialized(raffleToken=token, stepCount=1)

@external
def buy(amount: uint256):
    assert not self.is_locked and amount > 0
    cost: uint256 = self._price(self.supply, amount)
    fee: uint256 = cost * FEE_BPS // 10000
    extcall Token(sof).transferFrom(msg.sender, self, cost + fee)
    extcall Token(self.token).mint(msg.sender, amount)
    self.supply += amount
    self.reserves += cost
    self.fees_held += fee
    log TokensPurchased(buyer=msg.sender, sofAmount=cost + fee, tokensReceived=amount, feeAmount=fee)
    self._record(msg.sender, self.tickets[msg.sender] + amount)

@external
def sell(amount: uint256):
    assert not self.is_locked and amount > 0
    self.supply -= amount
    value: uint256 = self._price(self.supply, amount)
    fee: uint256 = value * FEE_BPS // 10000
    self.reserves -= value
    self.fees_held += fee
    extcall Token(self.token).burn(msg.sender, amount)
    extcall Token(sof).transfer(msg.sender, value - fee)
    log TokensSold(seller=msg.sender, tokenAmount=amount, sofReceived=value - fee, feeAmount=fee)
    self._record(msg.sender, self.tickets[msg.sender] - amount)

@external
def lock():
    assert msg.sender == raffle
    self.is_locked = True
    log TradingLockedEvent(timestamp=block.timestamp)

@internal
def _record(player: address, new: uint256):
    old: uint256 = self.tickets[player]
    self.tickets[player] = new
    chance: uint256 = 0
    if self.supply > 0:
        chance = new * 10000 // self.supply
    log PositionUpdate(
        seasonId=season_id,
        player=player,
        oldTickets=old,
        newTickets=new,
        totalTickets=self.supply,
        probabilityBps=chance,
    )
    extcall Raffle(raffle).record_position(season_id, player, old, new, self.supply)

@internal
@pure
def _price(supply: uint256, amount: uint256) -> uint256:
    return PRICE_STEP * (amount * supply + amount * (amount + 1) // 2)
