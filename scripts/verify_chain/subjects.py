"""Everything of the read models that is compared with contracts."""

from scripts.verify_chain.prizes import CLAIMS, COHORTS, PRIZES, ROLLOVERS
from scripts.verify_chain.seasons import CURVES, PARTICIPANTS_IN_ORDER, POSITIONS, SEASONS
from scripts.verify_chain.tokens import MARKETS, SOF_BALANCES, TICKET_BALANCES, TICKET_SUPPLIES

SUBJECTS = (
    SEASONS,
    CURVES,
    PARTICIPANTS_IN_ORDER,
    POSITIONS,
    PRIZES,
    CLAIMS,
    COHORTS,
    ROLLOVERS,
    SOF_BALANCES,
    TICKET_BALANCES,
    TICKET_SUPPLIES,
    MARKETS,
)
