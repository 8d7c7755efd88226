"""The settings of what lies outside and may be missing: sources of bars, analyst, journal."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

SOURCES = ("dukascopy", "yahoo", "ccxt", "alpaca", "massive", "mt5")
"""The sources of past bars by their names."""


class OutsideSettings(BaseSettings):
    """What sources, the analyst and the journal may be told; a part of `Settings`."""

    sources: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("mt5", "dukascopy", "ccxt", "alpaca", "massive", "yahoo"),
        description="which sources of past bars are asked, the first first; or none",
    )
    source_urls: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="scheme, host and port asked instead of a source's own, like "
        "dukascopy=http://127.0.0.1:9000",
    )
    source_cache_hours: float = Field(
        default=12.0, ge=0, le=720, description="how long what a source says of a symbol holds"
        " (hours)",
    )  # fmt: skip
    ingest_schedules: bool = Field(
        default=False,
        description="whether fetched bars are gone on with by schedule, asking their sources",
    )
    alpaca_key: SecretStr | None = Field(default=None, description="key id of an Alpaca account")
    alpaca_secret: SecretStr | None = Field(default=None, description="its secret")
    massive_api_key: SecretStr | None = Field(
        default=None, description="key of Massive, which was Polygon"
    )
    import_folder: Path | None = Field(
        default=None, description="folder whose new files of bars are imported; unset: none"
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="key of the analyst's API; local servers may need none"
    )
    openai_base_url: str | None = Field(
        default=None,
        description="URL of another OpenAI-compatible server, ending in /v1; unset: OpenAI's",
    )
    analyst_api: Literal["responses", "chat"] = Field(
        default="responses", description="which API it speaks: responses, or chat (local servers)"
    )
    analyst_model: str = Field(default="gpt-5-mini", description="the model that is asked")
    analyst_seconds: float = Field(
        default=25.0, gt=0, le=300, description="longest time one answer may take (seconds)"
    )
    analyst_budget: float = Field(
        default=0.5, ge=0, le=1000, description="most that one chat may spend a day (US dollars)"
    )
    analyst_prices: Annotated[tuple[float, float], NoDecode] = Field(
        default=(0.25, 2.0),
        description="what a million tokens cost, read and written (US dollars); 0, 0: free",
    )
    analyst_alerts: bool = Field(
        default=True, description="whether it is asked about each alert that has left"
    )
    analyst_language: str = Field(
        default="en", description="language of its answers where a chat's is not known, like en"
    )
    notion_token: SecretStr | None = Field(
        default=None, description="token of a Notion integration; unset: no journal"
    )
    notion_database: str | None = Field(
        default=None, description="id of the journal's database, as scout notion setup tells it"
    )
    notion_url: str | None = Field(
        default=None, description="scheme, host and port asked instead of Notion's own"
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _known_sources(cls, value: Any) -> Any:
        parts = value.replace(";", ",").split(",") if isinstance(value, str) else value
        names = tuple(str(part).strip().lower() for part in parts if str(part).strip())
        if names == ("none",):
            return ()
        for name in names:
            if name not in SOURCES:
                raise ValueError(f"{name!r} is no source; there are {', '.join(SOURCES)}")
        return names

    @field_validator("source_urls", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        """Take "dukascopy=http://127.0.0.1:9000, yahoo=…"."""
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
        for name, sign, url in pairs:
            if name not in SOURCES or not sign or not url.startswith(("http://", "https://")):
                raise ValueError(f"{name}{sign}{url!r} is no SOURCE=URL")
        return {name: url.rstrip("/") for name, _, url in pairs}

    @field_validator("analyst_prices", mode="before")
    @classmethod
    def _two_prices(cls, value: Any) -> Any:
        """Take "0.25, 2"."""
        return tuple(value.split(",")) if isinstance(value, str) else value

    @field_validator("openai_base_url", "notion_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is no URL that begins with http:// or https://")
        return value.rstrip("/") if value else value
