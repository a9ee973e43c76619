"""The simulated chain: a raffle world from a seed, or a recorded tape, served as a node."""
