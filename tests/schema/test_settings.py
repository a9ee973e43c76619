"""The configuration file says what is wrong with it, by key and with the fix."""

from pathlib import Path

import pytest

from schema.errors import ConfigurationError
from schema.settings import Settings, load

_RAFFLE = "0x" + "Ab" * 20
_GOOD = f"""
[[chain]]
id = 31337
name = "local"
rpc = ["http://127.0.0.1:8545"]

[[deployment]]
name = "secondorder"
chain = 31337
[deployment.contracts]
raffle = "{_RAFFLE}"
season_factory = "0x{"01" * 20}"
token = "0x{"02" * 20}"
"""


def _load(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "daybook.toml"
    path.write_text(text)
    return load(path, environment or {})


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    """Everything but chain and contracts has a default."""
    settings = _load(tmp_path, _GOOD)

    assert settings.chain[0].finality == "finalized"
    assert settings.chain[0].proof == "receipts"
    assert settings.api.port == 8000
    assert settings.database.url is None


def test_data_dir_is_meant_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """A command may be called from anywhere."""
    assert _load(tmp_path, _GOOD).data_dir == str(tmp_path / ".daybook")


def test_addresses_are_known_in_lower_case(tmp_path: Path) -> None:
    """Nodes answer in lower case, people paste checksummed addresses."""
    contracts = _load(tmp_path, _GOOD).deployment[0].contracts

    assert contracts.by_address()[_RAFFLE.lower()] == "raffle"


def test_variables_come_from_the_environment(tmp_path: Path) -> None:
    """Secrets stay out of the file."""
    text = _GOOD.replace("http://127.0.0.1:8545", "https://node/${KEY}")

    settings = _load(tmp_path, text, {"KEY": "abc"})

    assert settings.chain[0].rpc == ["https://node/abc"]


def test_the_database_comes_from_the_environment_when_it_is_there(tmp_path: Path) -> None:
    """DAYBOOK_DATABASE_URL wins over the file."""
    url = "postgresql://elsewhere/daybook"

    assert _load(tmp_path, _GOOD, {"DAYBOOK_DATABASE_URL": url}).database.url == url


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('name = "local"', 'name = "local"\nfinalty = 3', ["chain[0]", "finalty"]),
        (_RAFFLE, "0x1234", ["deployment[0].contracts.raffle"]),
        ("id = 31337", 'id = "x"', ["chain[0].id", "int"]),
        ("chain = 31337", "chain = 1", ["deployment[0].chain", "id = 1"]),
        ("http://127.0.0.1:8545", "localhost:8545", ["rpc[0]", "http://"]),
        ("http://127.0.0.1:8545", "ws://127.0.0.1:8545", ["rpc", "http://"]),
        ("http://127.0.0.1:8545", "${NOT_SET}", ["chain[0].rpc[0]", "NOT_SET"]),
        ("[[deployment]]", "[deployment", ["TOML"]),
        ("02" * 20, "01" * 20, ["contracts"]),
        ('name = "secondorder"', 'name = "Second Order"', ["deployment[0].name"]),
    ],
)
def test_a_mistake_is_named_by_its_key(
    tmp_path: Path, before: str, after: str, words: list[str]
) -> None:
    """Given a file with one mistake, when it is loaded, then the message names key and fix."""
    assert before in _GOOD

    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, _GOOD.replace(before, after, 1))

    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert caught.value.exit_code == 2


def _redeployed(*, raffle: str) -> str:
    second = _GOOD[_GOOD.index("[[deployment]]") :].replace("secondorder", "firstorder")
    return _GOOD + second.replace(_RAFFLE, raffle).replace("01" * 20, "03" * 20)


def test_a_redeployment_may_keep_its_token(tmp_path: Path) -> None:
    """Season numbers begin again at 1 there, and the token is the same."""
    settings = _load(tmp_path, _redeployed(raffle="0x" + "04" * 20))

    assert [deployment.name for deployment in settings.deployment] == ["secondorder", "firstorder"]


def test_two_deployments_cannot_share_a_raffle(tmp_path: Path) -> None:
    """A season would belong to both."""
    with pytest.raises(ConfigurationError, match="belongs to secondorder"):
        _load(tmp_path, _redeployed(raffle=_RAFFLE))


def test_a_missing_file_says_how_to_give_one(tmp_path: Path) -> None:
    """The commonest mistake of all."""
    with pytest.raises(ConfigurationError, match="DAYBOOK_CONFIG"):
        load(tmp_path / "nowhere.toml", {})
