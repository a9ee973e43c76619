# pragma version ~=0.4.3
"""
@title Deploys a season's curve and ticket token, and announces them after their own first logs.
"""

interface Curve:
    def initialize(token: address): nonpayable

event SeasonContractsDeployed:
    seasonId: indexed(uint256)
    raffleToken: indexed(address)
    bondingCurve: indexed(address)

curve_blueprint: immutable(address)
token_blueprint: immutable(address)
sof: immutable(address)

@deploy
def __init__(curve_blueprint_: address, token_blueprint_: address, sof_: address):
    curve_blueprint = curve_blueprint_
    token_blueprint = token_blueprint_
    sof = sof_

@external
def deploy(season_id: uint256) -> (address, address):
    curve: address = create_from_blueprint(curve_blueprint, season_id, msg.sender, sof)
    token: address = create_from_blueprint(token_blueprint, curve)
    extcall Curve(curve).initialize(token)
    log SeasonContractsDeployed(seasonId=season_id, raffleToken=token, bondingCurve=curve)
    return (curve, token)
