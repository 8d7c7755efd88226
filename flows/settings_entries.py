"""The settings of the entries: START over HTTP, and Telegram's webhook."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

LEAST_SECRET = 24
_PORTS = 65_536
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TELEGRAM_SECRET = re.compile(r"[A-Za-z0-9_\-]{24,256}")


class EntrySettings(BaseSettings):
    """Where requests come in beside the chat and the command line; a part of `Settings`."""

    http_address: str | None = Field(
        default=None, description="HOST:PORT of the HTTP entry; unset: there is none"
    )
    http_in: Literal["alone", "bot"] = Field(
        default="alone",
        description="which process serves the HTTP entry: one of its own (alone) or the bot's",
    )
    http_rate: int = Field(
        default=120, ge=1, le=100_000, description="requests of one token (count a minute)"
    )
    http_max_kb: int = Field(
        default=64, ge=1, le=4096, description="largest body of a request (kilobytes)"
    )
    http_timeout: float = Field(
        default=15.0, gt=0, le=300, description="longest time one request may take (seconds)"
    )
    webhook_url: str | None = Field(
        default=None,
        description="https:// URL to which Telegram sends updates; unset: the bot polls",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="what Telegram must say with each of them: 24 to 256 letters, digits, - or _",
    )
    webhook_address: str | None = Field(
        default=None, description="HOST:PORT on which the bot listens for them, behind TLS"
    )

    @field_validator("http_address", "webhook_address")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is None:
            return None
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < _PORTS:
            raise ValueError(f"{value!r} is no HOST:PORT, like 127.0.0.1:8080")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TELEGRAM_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError(
                f"it needs {LEAST_SECRET} to 256 characters of A-Z, a-z, 0-9, _ and -, "
                "which is what Telegram takes"
            )
        return value

    @field_validator("webhook_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        near = parts.scheme == "http" and parts.hostname in _LOOPBACK  # a Bot API of one's own
        if not parts.hostname or not (parts.scheme == "https" or near):
            raise ValueError(f"{value!r} is no https:// URL; Telegram sends to no other")
        return value


def host_and_port(address: str) -> tuple[str, int]:
    """Return the two parts of HOST:PORT; an IPv6 host comes without its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
