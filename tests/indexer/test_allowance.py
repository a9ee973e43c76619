"""How much is asked for at once follows what an endpoint gives, says and refuses."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.allowance import Allowance


def given_by(limit: int, allowance: Allowance) -> tuple[int, int]:
    """What an endpoint with this limit gives at last, and how often it refuses before."""
    refusals = 0
    while (asked := allowance.value) > limit:
        allowance.refused(asked)
        refusals += 1
    allowance.given(asked)
    return asked, refusals


def test_an_allowance_grows_by_steps_up_to_its_most() -> None:
    """Given answers only, when asked on, then ever more is asked for, and never more than most."""
    allowance, asked = Allowance(64, 2_000), []
    for _ in range(40):
        asked.append(allowance.value)
        allowance.given(allowance.value)
    assert asked[:3] == [64, 126, 188]
    assert asked[-1] == 2_000


def test_a_part_of_what_may_be_asked_for_proves_nothing() -> None:
    """Given an answer to less than might have been asked for, then no more is asked for."""
    allowance = Allowance(64, 2_000)
    allowance.given(10)
    assert allowance.value == 64


@given(limit=st.integers(1, 2_000))
def test_a_limit_that_is_not_told_is_found_and_rarely_tried_again(limit: int) -> None:
    """Given a limit, when asked on, then it is soon known, and few requests are refused."""
    allowance = Allowance(64, 2_000)
    for _ in range(60):
        given_by(limit, allowance)
    answers = [given_by(limit, allowance) for _ in range(200)]
    assert {given for given, _ in answers} == {limit}
    assert sum(refusals for _, refusals in answers) <= 200 / 8


def test_a_limit_that_is_told_is_never_exceeded_again() -> None:
    """Given a limit in a refusal, when asked on, then it is asked for exactly, for ever."""
    allowance = Allowance(500, 2_000)
    allowance.refused(500, limit=10)
    for _ in range(100):
        assert allowance.value == 10
        allowance.given(10)


def test_a_proposal_counts_for_now() -> None:
    """Given a proposal, when it was followed, then more is asked for later."""
    allowance = Allowance(500, 2_000)
    allowance.refused(500, better=81)
    assert allowance.value == 81
    allowance.given(81)
    assert allowance.value > 81


@given(asked=st.integers(2, 2_000), said=st.integers(-10, 10**9))
def test_only_what_is_strictly_less_is_adopted(asked: int, said: int) -> None:
    """Given any limit or proposal, when it is not less than what was refused, then it is halved."""
    for words in ({"better": said}, {"limit": said}):
        allowance = Allowance(2_000, 2_000)
        allowance.refused(asked, **words)
        assert allowance.value == (said if 0 < said < asked else asked // 2)


def test_refusals_of_what_was_asked_for_at_once_narrow_it_once() -> None:
    """Given four refusals of the same width, when they come together, then it is halved once."""
    allowance = Allowance(64, 2_000)
    for _ in range(4):
        allowance.refused(64)
    assert allowance.value == 32


def test_there_is_always_something_to_ask_for() -> None:
    """Given refusals without end, then one is still asked for."""
    allowance = Allowance(64, 2_000)
    for _ in range(20):
        allowance.refused(allowance.value)
    assert allowance.value == 1
