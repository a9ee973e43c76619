"""What is done now and then beside the pipeline, never the pipeline itself.

`watching` looks for what operators should be told of, `alerts` tells each once, `webhook` also
tells an HTTP endpoint, `sampling` verifies a little at a time, `pruning` drops what is left over,
and `schedule` runs all of it. Partitions are none of its business: the fold of a season makes its
partition, which stays when a reorganisation takes the season back, since its key is given again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from random import SystemRandom

from schema.progress import ChainTally
from schema.settings import Settings
from scripts.database import install_read_models
from scripts.upkeep import watching
from scripts.upkeep.alerts import Alert, Alerts
from scripts.upkeep.pruning import prune
from scripts.upkeep.sampling import sample_log, sample_read_models
from scripts.upkeep.schedule import Job, Schedule


@contextmanager
def upkeep(
    settings: Settings,
    database_url: str,
    *,
    indexing: Mapping[str, ChainTally] | None = None,
    projecting: bool = False,
) -> Iterator[None]:
    """Do upkeep in the background until left.

    Args:
        settings: which chains, and what to tell whom.
        database_url: of a database whose log is installed.
        indexing: what is counted of the chains that this process indexes, if it does.
        projecting: whether this process or one that it started posts the read models.
    """
    install_read_models(database_url)
    with ExitStack() as stack:
        alerts = Alerts(_no_webhook)
        if settings.alerts.webhook is not None:
            from scripts.upkeep.webhook import Webhook  # noqa: PLC0415  few have one

            alerts = Alerts(stack.enter_context(Webhook(settings.alerts.webhook)).tell)
        jobs = [
            *(_of_index(settings, alerts, indexing) if indexing is not None else ()),
            *(_of_projections(settings, alerts) if projecting else ()),
        ]
        stack.enter_context(Schedule(database_url, jobs))
        yield


def _no_webhook(alert: Alert) -> None:
    """The log tells of alerts in any case."""


def _of_index(
    settings: Settings, alerts: Alerts, tallies: Mapping[str, ChainTally]
) -> Sequence[Job]:
    failed_percent_max = settings.alerts.failed_appends_percent
    watch = watching.IndexingWatch(alerts, tallies, failed_percent_max=failed_percent_max)
    # At the end, a chain that halted may be why it is the end.
    return [Job("indexing", watching.APPENDS_EVERY_SECONDS, watch.look, at_end=True)]


def _of_projections(settings: Settings, alerts: Alerts) -> Sequence[Job]:
    limits, chains, random = settings.alerts, settings.chain, SystemRandom()
    return [
        Job(
            "lag",
            15,
            partial(
                watching.watch_lag, alerts=alerts, chains=chains, seconds_max=limits.lag_seconds
            ),
        ),
        Job("read models", 15, partial(watching.watch_read_models, alerts=alerts)),
        Job(
            "queries",
            2,  # the api's queries end after 5 s
            partial(watching.watch_queries, alerts=alerts, seconds_max=limits.slow_query_seconds),
            role=None,  # who else sees the texts of queries
        ),
        Job("sample log", 300, partial(sample_log, alerts=alerts, chains=chains, random=random)),
        Job("sample figures", 300, partial(sample_read_models, alerts=alerts, random=random)),
        Job("prune", 600, prune),
    ]
