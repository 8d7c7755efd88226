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
    run_lease: float = Field(
        default=20.0,
        ge=2,
        le=600,
        description="how long after its last sign of life a host keeps its runs (seconds)",
    )
    log_days: int = Field(
        default=30, ge=1, le=3650, description="how long the log files are kept (days)"
    )
