"""Runs the parts of daybook: each alone, or all together."""

import threading
from contextlib import nullcontext
from functools import partial

from schema.progress import ChainTally
from schema.settings import Settings
from scripts.database import install_read_models, open_database
from scripts.parts import Projector, ThreadPart
from scripts.progress import Display


def index(settings: Settings, *, until_head: bool, stop: threading.Event, resume: bool) -> None:
    """Write the chains' logs into the event log."""
    import indexer  # noqa: PLC0415  web3 takes more than a second, and no other part needs it
    from scripts.upkeep import upkeep  # noqa: PLC0415  as above

    tallies = {chain.name: ChainTally() for chain in settings.chain}
    with (
        open_database(settings) as url,
        Display() as display,
        nullcontext() if until_head else upkeep(settings, url, indexing=tallies),
    ):
        indexer.index(
            settings,
            url,
            until_head=until_head,
            stop=stop,
            report=display.report,
            resume=resume,
            tallies=tallies,
        )


def project(settings: Settings, *, finish: threading.Event, stop: threading.Event) -> None:
    """Post the event log into the read models; once `finish` is set, to the log's end."""
    import projections  # noqa: PLC0415  as above
    from scripts.upkeep import upkeep  # noqa: PLC0415  as above

    with open_database(settings) as url, Display() as display:
        install_read_models(url)
        catches_up = finish.is_set()
        with nullcontext() if catches_up else upkeep(settings, url, projecting=True):
            projections.project(url, finish=finish, stop=stop, report=display.report)


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the read models; returns after SIGINT or SIGTERM."""
    from api.serve import serve as serve_api  # noqa: PLC0415  as above

    with open_database(settings) as url:
        serve_api(
            url,
            host=settings.api.host if host is None else host,
            port=settings.api.port if port is None else port,
        )


def catch_up(settings: Settings, *, stop: threading.Event) -> None:
    """Index up to the heads as they are, posting meanwhile; return when all of it is posted."""
    with open_database(settings) as url, Display() as display:
        projector = Projector(url, display.report, failed=stop)
        import indexer  # noqa: PLC0415  the projector gets ready meanwhile

        try:
            indexer.index(settings, url, until_head=True, stop=stop, report=display.report)
        finally:
            projector.end("stop" if stop.is_set() else "finish")


def run(settings: Settings, *, stop: threading.Event) -> None:
    """Index, project and serve until `stop` is set; what fails stops, the rest serves on."""
    with open_database(settings) as url, Display() as display:
        projector = Projector(url, display.report, failed=threading.Event())
        import indexer  # noqa: PLC0415  the projector gets ready meanwhile
        from api.serve import serve as serve_api  # noqa: PLC0415
        from scripts.upkeep import upkeep  # noqa: PLC0415

        tallies = {chain.name: ChainTally() for chain in settings.chain}
        indexing = ThreadPart(
            "index",
            partial(
                indexer.index,
                settings,
                url,
                until_head=False,
                stop=stop,
                report=display.report,
                tallies=tallies,
            ),
        )
        indexing.start()
        try:
            with upkeep(settings, url, indexing=tallies, projecting=True):
                serve_api(url, host=settings.api.host, port=settings.api.port)
        finally:
            stop.set()
            indexing.join()
            projector.end("stop")
        indexing.raise_error()
