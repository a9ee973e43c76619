"""`daybook simulate` says what is wrong with its options."""

import pytest
from click.testing import CliRunner

from scripts.simulate.command import simulate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trades", "0"], "--trades 0 needs --blocks-per-second"),
        (["--calls", __file__], "--calls needs --tape"),
        (["--tape", __file__], "is no recording"),
        (["--tape", "missing.gz"], "does not exist"),
        (["--blocks-per-second", "0"], "not in the range"),
    ],
)
def test_wrong_options_are_explained(options: list[str], message: str) -> None:
    """Given options that make no sense, then exit code 2 and a message that names them."""
    result = CliRunner().invoke(simulate, ["--port", "0", *options])
    assert result.exit_code == 2
    assert message in result.output.replace("\n", " ")


def test_every_option_has_help() -> None:
    """Given the help text, then each option is explained."""
    assert all(getattr(parameter, "help", None) for parameter in simulate.params)


def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    """Given an address that cannot be listened on, then the message names it."""
    result = CliRunner().invoke(simulate, ["--host", "256.0.0.1", "--trades", "1"])
    assert result.exit_code == 2
    assert "cannot listen on 256.0.0.1:8545" in result.output
