"""Pages of a long list: the requested page number, and the links to the pages before and after it."""

from typing import Any, NamedTuple

from flask import request, url_for

MOST_PAGES = 100_000


class Pager(NamedTuple):
    """The links of the macro ``pager`` in ``_pager.html``; an empty one is left out."""

    newer_url: str
    older_url: str


def page_number() -> int:
    """Return the page number in the request, from 1."""
    return min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)


def numbered_pager(endpoint: str, page: int, *, has_older: bool, **values: Any) -> Pager:
    """Return the links around *page* of *endpoint*, which takes the page number and *values*."""
    return Pager(
        newer_url=url_for(endpoint, **values, page=page - 1) if page > 1 else "",
        older_url=url_for(endpoint, **values, page=page + 1) if has_older else "",
    )
