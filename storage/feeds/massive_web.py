"""Massive (once Polygon) over its own client; no other file knows that."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from storage.feeds.asking import Answer, FailedError

BASE = "https://api.massive.com"
PAGE = 50_000
"""Most base aggregates (minutes, or days) that one answer is made of."""


class MassiveWeb:
    """Massive, asked by its blocking client.

    Parameters
    ----------
    key
        Of an account.
    url
        Scheme, host and port to ask instead of Massive's; "": Massive's.
    seconds
        Longest wait for a connection, and for each further part of an answer.
    judge
        Raises on an answer that is none.

    Notes
    -----
    The client by itself asks again at once where it should wait, and takes cut JSON for no bars:
    what it sends goes through `_Judged`, which does neither.
    """

    def __init__(
        self, key: str, url: str, seconds: float, judge: Callable[[Answer], Answer]
    ) -> None:
        from massive import (  # type: ignore[import-untyped]  # noqa: PLC0415  (9 MB)
            RESTClient,
        )

        self._client: Any = RESTClient(
            key, base=url or BASE, retries=0, pagination=False, connect_timeout=seconds,
            read_timeout=seconds, connection_pool_kw={"retries": False},
        )  # fmt: skip
        self._pool = _Judged(self._client.client, judge)
        self._client.client = self._pool

    def bars(self, ticker: str, amount: int, unit: str, first: int, last: int) -> dict[str, Any]:
        """Return an answer for bars of [first, last] in ms, not adjusted, oldest first."""
        return self._said(self._client.list_aggs(
            _safe(ticker), amount, unit, first, last, adjusted=False, sort="asc", limit=PAGE,
            raw=True,
        ))  # fmt: skip

    def further(self, next_url: str) -> dict[str, Any]:
        """Return the answer that another one goes on with."""
        parts = urlsplit(next_url)
        return self._said(self._pool.request(
            "GET", f"{self._client.BASE}{parts.path}?{parts.query}", headers=self._client.headers
        ))  # fmt: skip

    def details(self, ticker: str) -> dict[str, Any]:
        """Return what is said of a symbol; empty where there is no such symbol."""
        return self._said(self._client.get_ticker_details(_safe(ticker), raw=True))

    def splits(self, ticker: str) -> dict[str, Any]:
        """Return a share's splits."""
        return self._said(self._client.list_splits(ticker, limit=1000, raw=True))

    def events(self, ticker: str) -> dict[str, Any]:
        """Return a share's changes of name."""
        return self._said(
            self._client.get_ticker_events(_safe(ticker), types="ticker_change", raw=True)
        )

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()

    def _said(self, got: Any) -> dict[str, Any]:
        body = json.loads(got.data)
        if not isinstance(body, dict):
            raise FailedError(f"no object: {got.data[:80]!r}")
        return body


class _Judged:
    """A pool of connections that raises on what is no answer, before the client sees it."""

    def __init__(self, pool: Any, judge: Callable[[Answer], Answer]) -> None:
        self._pool, self._judge = pool, judge

    def request(
        self, method: str, url: str, fields: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return an answer of status 200; one that says there is no such thing becomes empty."""
        from urllib3 import HTTPResponse  # noqa: PLC0415  (comes with massive)
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            got = self._pool.request(method, url, fields=fields, headers=headers)
            text = got.data.decode("utf-8")
        except (HTTPError, UnicodeDecodeError) as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error
        self._judge(Answer(got.status, dict(got.headers), text))
        if got.status == 404:  # noqa: PLR2004
            return HTTPResponse(b"{}", status=200)
        if got.status != 200:  # noqa: PLR2004
            raise FailedError(f"{got.status} {text[:200]}")
        try:
            json.loads(text)
        except ValueError as error:
            raise FailedError(f"no JSON: {text[:80]}") from error
        return got

    def clear(self) -> None:
        """Let go of connections."""
        self._pool.clear()


def _safe(ticker: str) -> str:
    return quote(ticker, safe=":.")
