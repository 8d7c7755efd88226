"""Alpaca's market data over alpaca-py; no other file knows alpaca-py."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from storage.feeds.asking import Answer, FailedError

PAGE = 10_000
"""Most bars in one answer."""
Row = dict[str, Any]


class NoSuchSymbolError(Exception):
    """Alpaca says that a symbol is none, or that it can't make sense of the question."""


class AlpacaWeb:
    """Alpaca, asked by its blocking clients.

    Parameters
    ----------
    key, secret
        Of an account.
    url
        Scheme, host and port to ask instead of Alpaca's; "": Alpaca's.
    seconds
        Longest wait for a connection, and for each further part of an answer.
    judge
        Raises on an answer that is none.
    """

    def __init__(
        self, key: str, secret: str, url: str, seconds: float, judge: Callable[[Answer], Answer]
    ) -> None:
        from alpaca.data.historical import (  # noqa: PLC0415  (23 MB, for those who ask)
            CryptoHistoricalDataClient,
            StockHistoricalDataClient,
        )
        from alpaca.data.historical.corporate_actions import CorporateActionsClient  # noqa: PLC0415

        options: Any = {"api_key": key, "secret_key": secret, "url_override": url or None,
                        "raw_data": True}  # fmt: skip
        self._stocks: Any = StockHistoricalDataClient(**options)
        self._crypto: Any = CryptoHistoricalDataClient(**options)
        self._actions: Any = CorporateActionsClient(**options)
        self._session = _session(seconds, judge)
        for client in (self._stocks, self._crypto, self._actions):
            client._session = self._session  # noqa: SLF001  (its own has no time-outs)

    def bars(
        self, symbol: str, amount: int, unit: str, span: tuple[datetime, datetime], limit: int
    ) -> list[Row]:
        """Return at most `limit` raw bars of [start, end], oldest first; IEX's for shares."""
        from alpaca.data.enums import Adjustment, DataFeed  # noqa: PLC0415
        from alpaca.data.requests import CryptoBarsRequest, StockBarsRequest  # noqa: PLC0415
        from alpaca.data.timeframe import TimeFrame, TimeFrameUnit  # noqa: PLC0415

        asked: Any = {
            "symbol_or_symbols": symbol, "timeframe": TimeFrame(amount, TimeFrameUnit(unit)),
            "start": span[0], "end": span[1], "limit": limit,
        }  # fmt: skip
        if "/" in symbol:
            found = self._called(self._crypto.get_crypto_bars, CryptoBarsRequest(**asked))
        else:
            how = {"adjustment": Adjustment.RAW, "feed": DataFeed.IEX}
            found = self._called(self._stocks.get_stock_bars, StockBarsRequest(**asked, **how))
        return list(found.get(symbol) or [])

    def actions(self, symbol: str, first: date, last: date) -> dict[str, list[Row]]:
        """Return splits and changes of name, by kind."""
        from alpaca.data.enums import CorporateActionsType as Kind  # noqa: PLC0415
        from alpaca.data.requests import CorporateActionsRequest  # noqa: PLC0415

        kinds = [Kind.FORWARD_SPLIT, Kind.REVERSE_SPLIT, Kind.NAME_CHANGE]
        asked = CorporateActionsRequest(symbols=[symbol], types=kinds, start=first, end=last)
        return dict(self._called(self._actions.get_corporate_actions, asked))

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _called(self, ask: Callable[[Any], Any], question: Any) -> dict[str, Any]:
        from requests.exceptions import RequestException  # noqa: PLC0415  (comes with alpaca-py)

        try:
            return dict(ask(question) or {})
        except RequestException as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            # Neither JSON nor what the client looks for in it.
            raise FailedError(f"an answer without bars: {error}") from error


def _session(seconds: float, judge: Callable[[Answer], Answer]) -> Any:
    """Return a session with time-outs, which judges before the client would ask again blindly."""
    from requests import Session  # noqa: PLC0415

    class Judged(Session):
        def request(self, method: Any, url: Any, **options: Any) -> Any:  # type: ignore[override]
            got = super().request(method, url, **{**options, "timeout": (seconds, seconds)})
            answer = judge(Answer(got.status_code, dict(got.headers), got.text))
            if answer.status in (400, 404, 422):
                raise NoSuchSymbolError(answer.text[:200])
            if answer.status != 200:  # noqa: PLR2004
                raise FailedError(f"{answer.status} {answer.text[:200]}")
            return got

    return Judged()
