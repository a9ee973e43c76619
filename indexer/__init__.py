"""Chain to log: endpoints, ranges, proofs, discovery, heads and reorgs, append."""
