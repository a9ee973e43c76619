"""A database that refuses an append for a while is asked again, until it takes it whole."""

import pytest
from structlog.testing import capture_logs

from schema.database import connect
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.faults.whole import assert_whole
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving

_FINALITY_DEPTH = 20


def refuse(database_url: str, sqlstate: str, *, statements: int) -> None:
    """Refuse the next statements that insert into the log, this many."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        owner.execute(_REFUSE.format(sqlstate=sqlstate, statements=statements).encode())


# A sequence goes on counting when the transaction is rolled back.
_REFUSE = """
    CREATE SEQUENCE fault;
    GRANT USAGE ON SEQUENCE fault TO PUBLIC;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('public.fault') <= {statements} THEN
            RAISE EXCEPTION 'refused by a test' USING ERRCODE = '{sqlstate}';
        END IF;
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER refuse AFTER INSERT ON log.stored_event
        FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize(
    "sqlstate",
    [
        pytest.param("40001", id="serialization failure"),
        pytest.param("53100", id="disk full"),
        pytest.param("57014", id="statement cancelled"),
        pytest.param("57P01", id="server shutting down"),
        pytest.param("25006", id="read-only after a failover"),
    ],
)
def test_a_refused_append_is_done_again(
    world: GeneratedChain, database_url: str, sqlstate: str
) -> None:
    """Given inserts that fail with this state, then the same unit is appended afterwards."""
    refuse(database_url, sqlstate, statements=1)
    node = Node(world, limits=Limits(_FINALITY_DEPTH), calls={})
    with serving(node_answer(node)) as url, capture_logs() as logs:
        index_to_head(settings_for(url, world.contracts), database_url)
    (waiting,) = [entry for entry in logs if entry["event"] == "chain_waiting"]
    assert "refused by a test" in waiting["reason"]
    assert_whole(database_url, world)
