# pragma version ~=0.4.3
"""
@title The raffle: its seasons, and its own account of every position.
"""

interface SeasonFactory:
    def deploy(season_id: uint256) -> (address, address): nonpayable

interface Curve:
    def lock(): nonpayable

event SeasonCreated:
    seasonId: indexed(uint256)
    name: String[64]
    startTime: uint256
    endTime: uint256
    raffleToken: address
    bondingCurve: address

event SofCurveRegistered:
    curve: indexed(address)

event SeasonStarted:
    seasonId: indexed(uint256)

event SeasonLocked:
    seasonId: indexed(uint256)

event SeasonEndRequested:
    seasonId: indexed(uint256)
    vrfRequestId: uint256

event ParticipantAdded:
    seasonId: indexed(uint256)
    participant: address
    tickets: uint256
    totalTickets: uint256

event ParticipantUpdated:
    seasonId: indexed(uint256)
    participant: address
    newTickets: uint256
    totalTickets: uint256

event ParticipantRemoved:
    seasonId: indexed(uint256)
    participant: address
    totalTickets: uint256

event PositionUpdate:
    seasonId: indexed(uint256)
    player: indexed(address)
    oldTickets: uint256
    newTickets: uint256
    totalTickets: uint256

struct Season:
    curve: address
    token: address
    status: uint256
    total_tickets: uint256
    total_participants: uint256

ACTIVE: constant(uint256) = 1
VRF_PENDING: constant(uint256) = 3

factory: immutable(address)
season_count: public(uint256)
season: public(HashMap[uint256, Season])
position: public(HashMap[uint256, HashMap[address, uint256]])

@deploy
def __init__(factory_: address):
    factory = factory_

@external
def create_season(name: String[64]):
    self.season_count += 1
    season_id: uint256 = self.season_count
    curve: address = empty(address)
    token: address = empty(address)
    curve, token = extcall SeasonFactory(factory).deploy(season_id)
    self.season[season_id].curve = curve
    self.season[season_id].token = token
    self.season[season_id].status = ACTIVE
    log SofCurveRegistered(curve=curve)
    log SeasonCreated(
        seasonId=season_id,
        name=name,
        startTime=block.timestamp,
        endTime=block.timestamp + 86400,
        raffleToken=token,
        bondingCurve=curve,
    )
    log SeasonStarted(seasonId=season_id)

@external
def end_season(season_id: uint256):
    self.season[season_id].status = VRF_PENDING
    extcall Curve(self.season[season_id].curve).lock()
    log SeasonLocked(seasonId=season_id)
    log SeasonEndRequested(seasonId=season_id, vrfRequestId=season_id)

@external
def record_position(season_id: uint256, player: address, old: uint256, new: uint256, total: uint256):
    assert msg.sender == self.season[season_id].curve
    self.position[season_id][player] = new
    self.season[season_id].total_tickets = total
    if new < old:
        if new == 0:
            self.season[season_id].total_participants -= 1
        log ParticipantRemoved(seasonId=season_id, participant=player, totalTickets=total)
    elif old == 0:
        self.season[season_id].total_participants += 1
        log ParticipantAdded(seasonId=season_id, participant=player, tickets=new, totalTickets=total)
    else:
        log ParticipantUpdated(seasonId=season_id, participant=player, newTickets=new, totalTickets=total)
    log PositionUpdate(seasonId=season_id, player=player, oldTickets=old, newTickets=new, totalTickets=total)
