"""The configuration file says what is wrong with it, by key and with the fix."""

from pathlib import Path

import msgspec
import pytest

from schema.errors import ConfigurationError
from schema.families import BoxRaffle, CurveRaffle
from schema.settings import Alerts, Settings, load

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


_BOXES = f"""
[[deployment]]
name = "boxes"
family = "box-raffle"
chain = 31337
[deployment.contracts]
box_raffle = "0x{"Cd" * 20}"
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


def test_deployments_of_several_families_stand_beside_each_other(tmp_path: Path) -> None:
    """Given one of each family, then each has the contracts of its own; one names no family."""
    raffles, boxes = _load(tmp_path, _GOOD + _BOXES).deployment

    assert isinstance(raffles, CurveRaffle)
    assert isinstance(boxes, BoxRaffle)
    assert boxes.contracts.by_address() == {"0x" + "cd" * 20: "box_raffle"}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"box-raffle"', '"boxed"', ["deployment[1].family", "boxed", "curve-raffle, box-raffle"]),
        ('"box-raffle"', '["box-raffle"]', ["deployment[1].family", "Name one of"]),
        ("box_raffle", "raffle", ["deployment[1].contracts", "raffle", "box_raffle"]),
        ('"0x' + "Cd" * 20, '"0xCd', ["deployment[1].contracts.box_raffle", "box-raffle"]),
        ('family = "box-raffle"', "", ["deployment[1].contracts", "raffle, season_factory"]),
        ("Cd" * 20, "02" * 20, ["deployment boxes: contracts.box_raffle", "secondorder already"]),
        ('name = "boxes"', 'name = "secondorder"', ["deployment.name", "stands twice"]),
        ("[[deployment]]", "[[deployment]]\ncolour = 1", ["deployment[1]", "colour"]),
    ],
)
def test_a_mistake_in_a_deployment_names_what_its_family_takes(
    tmp_path: Path, before: str, after: str, words: list[str]
) -> None:
    """Given a second family with one mistake, then the message names key and fix."""
    assert before in _BOXES

    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, _GOOD + _BOXES.replace(before, after, 1))

    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("deployments", ["deployment = 3", "deployment = [3]"])
def test_deployments_that_are_no_tables_are_named_as_such(tmp_path: Path, deployments: str) -> None:
    """Given something else in their place, then the message names the key."""
    chain = _GOOD[: _GOOD.index("[[deployment]]")]

    with pytest.raises(ConfigurationError, match="deployment"):
        _load(tmp_path, f"{deployments}\n{chain}")


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


def test_alerts_have_defaults_and_a_webhook_from_the_environment(tmp_path: Path) -> None:
    """Its URL holds a secret, which stays out of the file."""
    assert _load(tmp_path, _GOOD).alerts == Alerts()
    assert msgspec.structs.astuple(Alerts()) == (None, 3_600, 5, 1)
    text = _GOOD + '[alerts]\nwebhook = "https://hooks.example/${TOKEN}"\nlag_seconds = 60\n'

    alerts = _load(tmp_path, text, {"TOKEN": "abc"}).alerts

    assert (alerts.webhook, alerts.lag_seconds) == ("https://hooks.example/abc", 60)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lag = 3", ["alerts", "lag"]),
        ("lag_seconds = 0", ["alerts.lag_seconds", "> 0"]),
        ('lag_seconds = "60"', ["alerts.lag_seconds", "float"]),
        ("failed_appends_percent = 101", ["alerts.failed_appends_percent", "100"]),
        ("slow_query_seconds = -1", ["alerts.slow_query_seconds", "> 0"]),
        ("webhook = 3", ["alerts.webhook", "str"]),
        ('webhook = "${NOT_SET}"', ["alerts.webhook", "NOT_SET"]),
        ('webhook = "hooks.example/canary"', ["alerts.webhook", "http://"]),
        ('webhook = "ftp://hooks.example/canary"', ["alerts.webhook", "http://"]),
        ('webhook = "http:///canary"', ["alerts.webhook", "http://"]),
        ('webhook = "http://[canary"', ["alerts.webhook", "http://"]),
        ('webhook = "http://host:99999/canary"', ["alerts.webhook", "http://"]),
    ],
)
def test_a_mistake_in_alerts_is_named_and_no_secret(
    tmp_path: Path, line: str, words: list[str]
) -> None:
    """Given one mistake, then the message names key and fix, and nothing of the webhook's URL."""
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, f"{_GOOD}[alerts]\n{line}\n")

    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "canary" not in str(caught.value)


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
