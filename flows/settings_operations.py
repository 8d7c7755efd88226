"""The settings of operation: what an installation that runs for months may be told."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from pipeline.domain.backup_keep import KeepRule
from pipeline.domain.errors import BadRequestError
from pipeline.domain.upkeep import bars_kept
from pipeline.weekly_time import WeeklyTime


class OperationSettings(BaseSettings):
    """Logs, metrics, upkeep, backups, the HTTP entry and shared storage; a part of `Settings`."""

    prefect_database_url: SecretStr | None = Field(
        default=None,
        description="postgresql+asyncpg://… of Prefect's own database, for whoever serves it or "
        "keeps it; unset: `make run` starts one",
    )
    storage_url: str | None = Field(
        default=None,
        description="s3://bucket/prefix where several hosts share bars, archive, models, rules "
        "and kept results; unset: SCOUT_HOME",
    )
    s3_endpoint_url: str | None = Field(
        default=None, description="URL of the S3-compatible storage; unset: Amazon's"
    )
    s3_access_key: SecretStr | None = Field(default=None, description="access key of the storage")
    s3_secret_key: SecretStr | None = Field(default=None, description="secret key of the storage")
    s3_region: str | None = Field(default=None, description="region of the storage, if it asks")
    bar_cache_mb: int = Field(
        default=2048,
        ge=64,
        description="shared bars kept on this host's disk, at most (megabytes)",
    )
    run_lease: float = Field(
        default=20.0,
        ge=2,
        le=600,
        description="how long after its last sign of life a host keeps its runs (seconds)",
    )
    user_requests_per_minute: int = Field(
        default=40,
        ge=5,
        le=10_000,
        description="messages and taps that one person may send to the bot (count a minute)",
    )
    run_wait_minutes: int = Field(
        default=30,
        ge=1,
        description="owners hear of a run that waits in the queue longer (minutes)",
    )
    metrics_address: str | None = Field(
        default=None,
        pattern=r"^.*:\d{1,5}$",
        description="HOST:PORT where each process serves its metrics to Prometheus; port 0, or "
        "one that is taken: a free one; unset: none are kept",
    )
    otel_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://.+",
        description="URL of an OpenTelemetry collector (OTLP over HTTP) that gets spans of runs "
        "and scans; unset: none are made",
    )
    log_max_mb: int = Field(
        default=4000, ge=100, description="most that all log files together may take (megabytes)"
    )
    runs_days: int = Field(
        default=180,
        ge=7,
        le=3650,
        description="how long ended runs are kept that no model, label or signal points to (days)",
    )
    state_days: int = Field(
        default=14,
        ge=1,
        le=3650,
        description="how long a run's finished tasks are kept, from which it can go on (days)",
    )
    artifacts_days: int = Field(
        default=90,
        ge=7,
        le=3650,
        description="how long files of the archive are kept: pictures, tables, reports (days)",
    )
    outbox_days: int = Field(
        default=30, ge=2, le=3650, description="how long sent messages are remembered (days)"
    )
    given_up_days: int = Field(
        default=90,
        ge=2,
        le=3650,
        description="how long messages that could not be sent are remembered (days)",
    )
    marks_days: int = Field(
        default=30,
        ge=7,
        le=3650,
        description="how long asked questions, keys of requests, past times of schedules and "
        "cooldowns that are over are remembered (days)",
    )
    bars_days: str | None = Field(
        default=None,
        description="bars beyond that age leave the bar store for SCOUT_HOME/bars_archive: "
        "M1=730 M5=1825 …; unset: all stay (days)",
    )
    prefect_events_days: int = Field(
        default=1, ge=1, le=365, description="how long Prefect's server keeps events (days)"
    )
    prefect_runs_days: int = Field(
        default=14,
        ge=1,
        le=3650,
        description="how long Prefect's server keeps its records of runs (days)",
    )
    log_days: int = Field(
        default=30, ge=1, le=3650, description="how long the log files are kept (days)"
    )
    backup_dir: Path | None = Field(
        default=None,
        description="folder that backups are put into, maybe on another disk; unset: "
        "SCOUT_HOME/backups",
    )
    backup_keep: str = Field(
        default="4w 3m",
        description="which backups are kept: the newest of so many weeks and of so many months",
    )

    backup_schedule: str = Field(
        default="weekly_sunday_02:00",
        description="when one is made, in the zone of TIMEZONE: weekly_DAY_HH:MM or off",
    )

    @field_validator("backup_schedule")
    @classmethod
    def _known_time(cls, value: str) -> str:
        try:
            return "off" if value.lower() == "off" else WeeklyTime.parse(value).word
        except BadRequestError as error:
            raise ValueError(error.user_text) from error

    @field_validator("backup_keep")
    @classmethod
    def _known_keep(cls, value: str) -> str:
        try:
            return KeepRule.parse(value).word
        except BadRequestError as error:
            raise ValueError(error.user_text) from error

    @field_validator("bars_days")
    @classmethod
    def _known_timeframes(cls, value: str | None) -> str | None:
        bars_kept(value or "")
        return value
