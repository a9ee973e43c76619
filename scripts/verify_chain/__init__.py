"""`daybook verify --chain`: the read models against what the chain itself says.

Three things say it: the contracts' view functions at the one block that the read models reflect
(`contracts`), the raffle's own account of every position in the log (`repetition`), and the hash of
the participants that the raffle announces when it locks a season (`snapshots`). `served` reads the
read models once, in one snapshot; `subjects` holds which figure is compared with which view.
"""

from scripts.verify_chain.check import check_chains
from scripts.verify_chain.report import print_checks
from scripts.verify_chain.sampled import Sampled, parse_players

__all__ = ["Sampled", "check_chains", "parse_players", "print_checks"]
