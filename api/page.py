"""The portfolio page at `/`, and its files under `/static`."""

from pathlib import Path

from litestar import get
from litestar.datastructures import CacheControlHeader
from litestar.response import File
from litestar.static_files import create_static_files_router

_FILES = Path(__file__).parent / "static"
_CACHE_CONTROL = CacheControlHeader(no_cache=True)  # asked after, so that a new version shows


@get("/", include_in_schema=False, cache_control=_CACHE_CONTROL, sync_to_thread=False)
def get_page() -> File:
    """The page; `/?player=0x…` and `/?season=1` are told apart by its scripts."""
    return File(_FILES / "index.html", content_disposition_type="inline", media_type="text/html")


HANDLERS = (
    get_page,
    create_static_files_router(path="/static", directories=[_FILES], cache_control=_CACHE_CONTROL),
)
