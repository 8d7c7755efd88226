"""The settings: every environment name, its default, its unit. Read by composition roots only."""

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flows.settings_entries import EntrySettings
from flows.settings_files import SecretFiles
from flows.settings_live import LiveSettings
from flows.settings_operations import OperationSettings
from flows.settings_outside import OutsideSettings

ChartTheme = Literal["tv_dark", "tv_light"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(LiveSettings, OperationSettings, EntrySettings, OutsideSettings):
    """What an installation may set, by environment or `.env`; names are the fields in capitals.

    Unset secrets switch their service off; nothing here is needed to run a backtest.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    scout_home: Path = Field(
        default=Path(".scout"),
        description="folder of everything kept: bars, archive, database, state",
    )
    owner_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(), description="Telegram user ids of the owners, separated by commas"
    )
    telegram_bot_token: SecretStr | None = Field(
        default=None, description="token from @BotFather; unset runs without Telegram"
    )
    telegram_api_base: str | None = Field(
        default=None, description="URL of an own Bot API server; unset means Telegram's"
    )
    redis_url: SecretStr | None = Field(
        default=None, description="redis://… for leases and chat state; unset keeps them in memory"
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite+aiosqlite:///… or postgresql+asyncpg://…; unset: SCOUT_HOME/scout.db",
    )
    prefect_api_url: str | None = Field(
        default=None,
        description="URL of the Prefect server, ending in /api; unset runs without Prefect",
    )
    prefect_api_auth_string: SecretStr | None = Field(
        default=None, description="user:password of the Prefect server, if it asks for one"
    )
    use_prefect: bool = Field(
        default=True,
        validation_alias=AliasChoices("use_prefect", "prefect"),
        description="false: no Prefect at all; runs are executed where they are launched, and "
        "the scanner keeps the schedules (PREFECT=off says the same)",
    )
    max_parallel_runs: int = Field(
        default=2, ge=1, le=32, description="runs at a time, and computing processes (count)"
    )
    task_timeout: float = Field(
        default=600.0, gt=0, description="longest time one attempt of a task may take (seconds)"
    )
    dask_address: str | None = Field(
        default=None,
        description="tcp://… of a standing Dask cluster that tests the variants of sweeps; "
        "unset: this installation's own processes",
    )
    default_slippage: float = Field(
        default=1.0, ge=0, description="slippage for instruments that give none (points)"
    )
    default_spread: float = Field(
        default=2.0, ge=0, description="spread for instruments that give none (points)"
    )
    lots: float = Field(default=1.0, gt=0, description="position size of backtests (lots)")
    min_trades: int = Field(
        default=20, ge=1, description="fewer trades put a warning in the report (count)"
    )
    sample_every: int = Field(
        default=10, ge=1, description="besides the album, a picture of every n-th signal (count)"
    )
    import_max_mb: int = Field(
        default=20, ge=1, description="largest file taken by an import (megabytes)"
    )
    import_max_unpacked_mb: int = Field(
        default=200, ge=1, description="largest size of an archive once unpacked (megabytes)"
    )
    chart_theme: ChartTheme = Field(
        default="tv_dark", description="colours of the pictures: tv_dark or tv_light"
    )
    timezone: str = Field(
        default="Europe/Berlin", description="IANA zone in which times are shown to people"
    )
    log_level: LogLevel = Field(
        default="INFO", description="least level that is logged: DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="log lines for people (console) or machines (json)"
    )
    git_commit: str | None = Field(
        default=None,
        description="commit of a build without its repository, kept with each run",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (files are named one by one)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then `.env`, then files that hold secrets."""
        said = {**_words(dotenv_settings), **_words(env_settings)}
        files = SecretFiles(settings_cls, said)
        return init_settings, env_settings, dotenv_settings, files

    @field_validator("owner_ids", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Take "1, 2" as people write it."""
        if isinstance(value, str):
            return tuple(int(part) for part in value.replace(";", ",").split(",") if part.strip())
        if isinstance(value, int):
            return (value,)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no IANA time zone, like Europe/Berlin") from error
        return value

    @model_validator(mode="after")
    def _without_prefect(self) -> "Settings":
        """Forget the server where none is wanted."""
        if not self.use_prefect:
            self.prefect_api_url = None
        return self

    @property
    def home(self) -> Path:
        """The folder of everything kept, absolute."""
        return self.scout_home.expanduser().absolute()

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.home / 'scout.db'}"


def _words(source: PydanticBaseSettingsSource) -> dict[str, str | None]:
    """Return what a source holds, by name in lower case; what is empty isn't set."""
    held = source.env_vars.items() if isinstance(source, EnvSettingsSource) else ()
    return {name: value for name, value in held if value}


def setting_names() -> list[str]:
    """Return the environment name of every setting, in the order of this file."""
    return [name.upper() for name in Settings.model_fields]
