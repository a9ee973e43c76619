"""Chains to index, as small as the tests allow."""

import pytest

from scripts.simulate.chain import GeneratedChain, Setting, generate


@pytest.fixture(scope="session")
def world() -> GeneratedChain:
    """A whole generated world; tests must not let it grow."""
    chain = generate(Setting(seed=11, seasons=3, players=12, trades=120))
    while not chain.is_over:
        chain.advance()
    return chain
