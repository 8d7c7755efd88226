"""Own what the sandbox answers when it refuses a call, in Telegram's own words.

These are a server's answers, not the product's errors: they travel over HTTP and come back
to the bot as aiogram's exceptions, so they stay out of the tree in ``pipeline.domain.errors``.

ApiError ── code, description, parameters (``retry_after`` of a 429)
"""

from typing import Any


class ApiError(Exception):
    """One refusal as the Bot API writes it.

    Parameters
    ----------
    code
        HTTP status, repeated as ``error_code`` in the body.
    description
        Telegram's text, status words included ("Bad Request: chat not found").
    retry_after
        Seconds to wait, for a 429.
    """

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Give the JSON body Telegram would send."""
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return body


def bad_request(text: str) -> ApiError:
    """Give a 400 with Telegram's prefix."""
    return ApiError(400, f"Bad Request: {text}")


def forbidden(text: str) -> ApiError:
    """Give a 403 with Telegram's prefix."""
    return ApiError(403, f"Forbidden: {text}")


def too_many(retry_after: int) -> ApiError:
    """Give a 429 that says how many seconds to wait."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after)
