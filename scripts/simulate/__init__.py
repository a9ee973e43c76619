"""The simulated chain: a world of raffles from a seed, or a recorded tape, served as a node."""
