"""The settings of operation: what an installation that runs for months may be told."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class OperationSettings(BaseSettings):
    """Logs, metrics, upkeep, backups, the HTTP entry and shared storage; a part of `Settings`."""

    prefect_database_url: SecretStr | None = Field(
        default=None,
        description="postgresql+asyncpg://… of Prefect's own database, for whoever serves it or "
        "keeps it; unset: `make run` starts one",
    )
    log_days: int = Field(
        default=30, ge=1, le=3650, description="how long the log files are kept (days)"
    )
