"""A chain that is small enough to be indexed again at every fault."""

import pytest

from scripts.simulate.chain import GeneratedChain, Setting, generate


@pytest.fixture(scope="session")
def world() -> GeneratedChain:
    """A whole generated world; tests must not let it grow."""
    chain = generate(Setting(seed=3, seasons=1, players=4, trades=25))
    while not chain.is_over:
        chain.advance()
    return chain
