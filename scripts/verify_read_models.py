"""The part of `daybook verify` that posts the read models again."""

import threading
from typing import TYPE_CHECKING

from rich.console import Console

from schema.progress import Report

if TYPE_CHECKING:
    from projections.verify import ReadModelsSummary


def post_again(url: str, seed: int, report: Report) -> "ReadModelsSummary | None":
    """Post the read models that serve again, and compare; None where none serve yet."""
    import projections  # noqa: PLC0415  it takes a while to load
    from projections.errors import NothingServesError  # noqa: PLC0415  as above
    from scripts.database import install_read_models  # noqa: PLC0415  as above

    install_read_models(url)
    try:
        return projections.verify_read_models(url, seed=seed, stop=threading.Event(), report=report)
    except NothingServesError:
        return None


def print_posted_again(console: Console, summary: "ReadModelsSummary | None") -> None:
    """Say what was posted again, and show each read model with its digest."""
    from scripts.comparison import print_comparison  # noqa: PLC0415  as above

    if summary is None:
        console.print("ok: no read models serve yet")
        return
    print_comparison(console, summary.comparison)
    verdict = "" if summary.differences else "ok: "
    console.print(
        f"{verdict}read models: {summary.events:,} events posted again in {summary.batches:,} "
        f"batches of random sizes (seed {summary.seed})",
        highlight=False,
        soft_wrap=True,
    )
