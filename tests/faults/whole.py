"""What every fault must leave behind: a log that is complete, and holds nothing twice."""

from contextlib import closing

from schema.database import connect
from schema.log.scan import last_position
from schema.log.verify import verify_log
from scripts.simulate.node import Chain
from tests.indexer.indexing import stored_logs
from tests.indexer.truth import followed_logs


def assert_whole(database_url: str, chain: Chain) -> None:
    """The log holds every log of the chain once; positions, ranges and digests have no gap."""
    assert stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)
    with closing(connect(database_url, role=None, application_name="test")) as session:
        last = last_position(session)
        assert verify_log(session, last=last, report=lambda _: None).findings == []
