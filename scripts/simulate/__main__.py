"""`python -m scripts.simulate`: the node on its own."""

from scripts.simulate.command import simulate

simulate()
