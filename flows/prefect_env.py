"""Prefect's environment: for its server, and for whoever talks to it."""

import os

from flows.settings import Settings
from flows.supervisor.places import has_own_postgres, own_postgres_url

DEFAULT_API_URL = "http://127.0.0.1:4200/api"


def use_prefect_environment(settings: Settings) -> None:
    """Put the variables into this process's environment where they are unset or empty."""
    for name, value in prefect_environment(settings).items():
        if not os.environ.get(name):
            os.environ[name] = value


def prefect_environment(
    settings: Settings, database_url: str | None = None, redis_url: str | None = None
) -> dict[str, str]:
    """Return the variables that tune Prefect; all figures are measured on 3.8.8.

    Parameters
    ----------
    database_url
        `postgresql+asyncpg://…` for the server. SQLite with any other writer makes a flow wait
        for seconds, so give one to the server; clients need none.
    redis_url
        `redis://…` through which several servers on one database hear of each other's events.
    """
    home = settings.home / "prefect"
    found = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": settings.prefect_api_url or DEFAULT_API_URL,
        # What trades stay here: nothing is reported to anybody.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Never an API server that starts behind one's back: it takes 14 s for the first flow.
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        # The default cache policy hashes frames, 62 ms per 5 MB.
        "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        # 41 -> 90 task runs a second.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
        # Whole seconds: 3.8.8 cuts fractions off, and 0.5 makes its loop spin on half a core.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
        # 8 tasks a minute write 247 MB a day: keep events a day, runs 14 days.
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{settings.prefect_events_days}D",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": f"P{settings.prefect_runs_days}D",
        # Polling is the worker's fallback; events wake it.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_CLI_COLORS": "false",
    }
    if database_url:
        found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database_url
    if redis_url:
        found |= among_servers(redis_url)
    if settings.prefect_api_auth_string is not None:
        secret = settings.prefect_api_auth_string.get_secret_value()
        found["PREFECT_API_AUTH_STRING"] = found["PREFECT_SERVER_API_AUTH_STRING"] = secret
    return found


def prefect_database(settings: Settings) -> str | None:
    """Return the URL of Prefect's own database: the one that is set, or that of `make run`."""
    if settings.prefect_database_url is not None:
        return settings.prefect_database_url.get_secret_value()
    if settings.use_prefect and has_own_postgres(settings.home):
        return own_postgres_url(settings.home)
    return None


def among_servers(redis_url: str) -> dict[str, str]:
    """Return what makes several Prefect servers on one PostgreSQL one: events go through Redis.

    Without it a worker that listens at one server doesn't hear of a run created at another.
    """
    return {
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_URL": redis_url,
        "PREFECT_SERVER_DOCKET_URL": redis_url,
        # At most a second's wait for an event that would fill a batch; 10 s is the default.
        "PREFECT_REDIS_MESSAGING_PUBLISHER_PUBLISH_EVERY": "1",
    }
