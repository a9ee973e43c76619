"""A database that holds a small world, posted, for each test, and what its upkeep tells."""

from collections.abc import Iterator

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from projections.generations import install_control
from schema.database import connect
from scripts.simulate.chain import GeneratedChain
from scripts.upkeep.alerts import Alert, Alerts
from tests.conftest import cloned
from tests.projections.posting import as_owner
from tests.scripts.upkeep.surroundings import fill, small_world


@pytest.fixture(scope="session")
def world() -> GeneratedChain:
    """A world; tests must not let it grow."""
    return small_world()


@pytest.fixture(scope="session")
def filled(server_url: str, template: str, world: GeneratedChain) -> Iterator[str]:
    """The name of a database that holds the world, to be cloned by each test."""
    with cloned(server_url, template) as made:
        fill(made, world)
        with connect(made, role=None, application_name="test owner") as owner:
            name = owner.info.dbname
        yield name


@pytest.fixture
def fresh_url(server_url: str, filled: str) -> Iterator[str]:
    """A database that holds the world, for one test."""
    with cloned(server_url, filled) as made:
        with connect(made, role=None, application_name="test owner") as owner:
            install_control(owner)  # rights on a database are not copied with it
        yield made


@pytest.fixture(scope="module")
def shared_url(server_url: str, filled: str) -> Iterator[str]:
    """A database that holds the world, for all tests of a module."""
    with cloned(server_url, filled) as made:
        yield made


@pytest.fixture
def url(shared_url: str) -> Iterator[str]:
    """The shared database, where no alert is left behind; nor may a test leave anything else."""
    yield shared_url
    as_owner(shared_url, "DELETE FROM daybook.alert")


@pytest.fixture
def session(url: str) -> Iterator[Connection[DictRow]]:
    """A session of upkeep."""
    with connect(url, role="daybook_projector", application_name="test") as made:
        yield made


@pytest.fixture
def told() -> list[Alert]:
    """What was told besides the log."""
    return []


@pytest.fixture
def alerts(told: list[Alert]) -> Alerts:
    """What raises and clears alerts."""
    return Alerts(told.append)
