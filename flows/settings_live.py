"""The settings of live watching and of training: what is scanned, from where, and learnt when."""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from pipeline.domain.errors import BadRequestError
from pipeline.domain.exchange import LEAST_DAYS, MOST_DAYS, market_named
from pipeline.weekly_time import WeeklyTime
from storage.mt5_bridge import LEAST_TOKEN

_PORTS = 65_536


class LiveSettings(BaseSettings):
    """What scanning, its feed, models and retraining may be told; a part of `Settings`."""

    scan_grace: float = Field(
        default=1.0, ge=0, le=20, description="wait after each close, for the feed (seconds)"
    )
    scan_processes: int = Field(
        default=1,
        ge=0,
        le=32,
        description="computing processes of the scanner; 0: a thread of its own (count)",
    )
    scan_symbol_seconds: float = Field(
        default=20.0, gt=0, le=600, description="longest a symbol's scan may take (seconds)"
    )
    ticket_minutes: float = Field(
        default=15.0,
        gt=0,
        le=1440,
        description="how long a live signal to enter at the market may be approved (minutes)",
    )
    ticket_max_r: float = Field(
        default=0.5,
        gt=0,
        le=10,
        description="how far price may have gone from the entry by then, either way (R)",
    )
    scan_log_days: int = Field(
        default=30,
        ge=2,
        le=3650,
        description="how long bars as seen live, scans and evaluations are kept (days)",
    )
    train_schedule: str = Field(
        default="weekly_sunday_03:00",
        description="when models are trained, in the zone of TIMEZONE: weekly_DAY_HH:MM or off",
    )
    train_timeout: float = Field(
        default=3600.0, gt=0, description="longest time one training may compute (seconds)"
    )
    models_kept: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="versions of a model that are kept, besides all that were ever in use (count)",
    )
    feed: Literal["none", "mt5", "bridge"] = Field(
        default="none",
        description="where live bars come from: mt5 (MetaTrader on this Windows machine), bridge "
        "(MetaTrader elsewhere) or none",
    )
    mt5_terminal: str | None = Field(
        default=None,
        description="path of terminal64.exe; unset: the one that runs or is installed",
    )
    mt5_bridge_address: str = Field(
        default="127.0.0.1:18815", description="HOST:PORT where the bridge listens"
    )
    mt5_bridge_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="secret of at least 24 characters, the same at the bridge",
    )
    broker_zone: str = Field(
        default="auto",
        description="clock that the broker writes: auto, New York+7, Europe/Athens, UTC+3 …",
    )
    exchange: str = Field(
        default="binance",
        description="whose bars /collect and /train BTC/USDT fetch: an exchange as ccxt calls it, "
        "or none",
    )
    exchange_url: str | None = Field(
        default=None, description="scheme, host and port asked instead of the exchange's own"
    )
    retrain_symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="markets retrained by schedule, like BTC/USDT, ETH/USDT"
    )
    retrain_days: int = Field(
        default=30, ge=LEAST_DAYS, le=MOST_DAYS, description="what they learn from (days)"
    )
    retrain_schedule: str = Field(
        default="0 4 * * *",
        description="when, in the zone of TIMEZONE: minute, hour, day, month, weekday (cron)",
    )

    @field_validator("retrain_symbols", mode="before")
    @classmethod
    def _markets(cls, value: Any) -> Any:
        """Take "BTC/USDT, ETH/USDT"; each must be a market's name."""
        parts = value.replace(";", ",").split(",") if isinstance(value, str) else value
        try:
            return tuple(market_named(part) for part in parts if str(part).strip())
        except BadRequestError as error:
            raise ValueError(error.user_text) from error

    @field_validator("retrain_schedule")
    @classmethod
    def _known_cron(cls, value: str) -> str:
        from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 (for those who set it)

        try:
            CronTrigger.from_crontab(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no cron line of five words, like 0 4 * * *") from error
        if any(letter.isdigit() for letter in value.split()[4]):  # 0 is Sunday here, Monday there
            raise ValueError(f"{value!r}: write weekdays as words, like sun or mon-fri")
        return value

    @field_validator("train_schedule")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        try:
            return "off" if value.lower() == "off" else WeeklyTime.parse(value).word
        except BadRequestError as error:
            raise ValueError(error.user_text) from error

    @field_validator("mt5_bridge_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < _PORTS:
            raise ValueError(f"{value!r} is no HOST:PORT, like 127.0.0.1:18815")
        return value

    @field_validator("mt5_bridge_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        length = len(value.get_secret_value()) if value is not None else 0
        if length < LEAST_TOKEN and (value is not None or others.data.get("feed") == "bridge"):
            raise ValueError(
                f"FEED=bridge needs a secret of at least {LEAST_TOKEN} characters, the same as "
                "at the bridge"
            )
        return value

    @field_validator("broker_zone")
    @classmethod
    def _known_clock(cls, value: str) -> str:
        if value.lower() == "auto":
            return "auto"
        from pipeline.data.zones import parse_zone  # noqa: PLC0415 (pandas, for those who set it)

        try:
            return parse_zone(value)
        except BadRequestError as error:
            raise ValueError(error.user_text) from error
