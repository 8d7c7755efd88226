"""One call to an exchange: tried again as its kind of failure asks, or told in our words."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.domain.errors import AppError, FeedDownError, FeedRefusedError
from storage.telemetry import get_logger

log = get_logger(__name__)
_REFUSED = re.compile(r" (401|403|451) ")
"""Statuses in ccxt's texts that no later try changes: no key, no permission, not from here."""


@dataclass(frozen=True)
class Patience:
    """How often and how long a call is tried again.

    Parameters
    ----------
    tries
        Calls in all where the network or the exchange fails.
    first
        Seconds before the second try; each further wait is twice as long, half of it by chance.
    rate_seconds
        Seconds that the exchange may make one call wait in all for its rate limit.
    call_seconds
        Longest that one try may take where its own time-outs don't end it.
    """

    tries: int = 5
    first: float = 0.5
    rate_seconds: float = 180.0
    call_seconds: float = 90.0


async def called(
    ask: Callable[[], Awaitable[Any]],
    client: Any,
    patience: Patience,
    sleep: Callable[[float], Awaitable[None]],
    rng: np.random.Generator,
) -> Any:
    """Return what the exchange answers.

    Raises
    ------
    FeedDownError
        It didn't answer in all tries, or asks for a longer wait than there is patience for.
    FeedRefusedError
        It won't answer us: a key, a place or a permission.
    """
    from aiohttp import ClientError  # noqa: PLC0415  (loaded with the client)
    from ccxt.base import errors as vendor  # noqa: PLC0415

    failed, waited = 0, 0.0
    while True:
        try:
            return await ask()
        except (vendor.RateLimitExceeded, vendor.DDoSProtection) as error:
            wait = _asked_wait(client) or patience.first * 2**failed
            waited += wait
            if waited > patience.rate_seconds:
                raise FeedDownError(
                    f"{client.id} asks to wait {wait:.0f} seconds (its rate limit); try again "
                    "later.",
                    cause=str(error)[:300],
                ) from error
        except vendor.BaseError as error:
            failed += 1
            wait = patience.first * 2 ** (failed - 1) * (0.5 + 0.5 * rng.random())
            cut = isinstance(error.__cause__, ClientError)
            again = cut or isinstance(error, vendor.OperationFailed)
            again = again and not _REFUSED.search(str(error))
            if not again or failed >= patience.tries:
                raise _in_our_words(error, client.id, vendor, cut=cut) from error
        log.info("exchange_asked_again", exchange=client.id, wait_sec=round(wait, 2))
        await sleep(wait)


def _asked_wait(client: Any) -> float:
    """Return the seconds that the last answer asks to wait; 0: it names none."""
    headers = getattr(client, "last_response_headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after" and re.fullmatch(r"\d{1,9}", str(value).strip()):
            return float(value)
    return 0.0


def _in_our_words(error: Exception, exchange: str, vendor: Any, *, cut: bool) -> AppError:
    """Map ccxt's error tree to ours; a body cut off is an ExchangeError there, a failure here."""
    cause = str(error)[:300]
    refused = (vendor.AuthenticationError, vendor.RestrictedLocation)
    if isinstance(error, refused) or _REFUSED.search(str(error)):
        return FeedRefusedError(
            f"{exchange} won't give us its bars: not from this place or without a key. "
            "Set EXCHANGE to another exchange.",
            cause=cause,
        )
    if cut or isinstance(error, vendor.OperationFailed):
        return FeedDownError(f"{exchange} doesn't answer; try again later.", cause=cause)
    return FeedRefusedError(
        f"{exchange} refuses the request for its bars; the log has its words.", cause=cause
    )
