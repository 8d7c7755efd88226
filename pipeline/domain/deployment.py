"""Deployments: flows as they are registered, with their pool, schedule, parameters and version."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.schedule import NAME


class DeploymentSpec(BaseModel):
    """One entry of `deployments.yaml`, as a person writes it.

    Parameters
    ----------
    flow
        `flows.` and the flow's name, such as "flows.backtest_flow".
    schedule
        A cron line of five words, `every 15 minutes`, or None: started by hand only.
    timezone
        IANA zone of the schedule; None: that of the installation.
    parameters
        Defaults of its runs; with a schedule also what is asked for at each time.
    concurrency_limit
        Most runs of it at a time; None: as many as its pool takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    flow: str = Field(pattern=r"^flows\.[a-z_]+$")
    schedule: str | None = None
    timezone: str | None = None
    work_pool: str
    tags: tuple[str, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    concurrency_limit: int | None = Field(default=None, ge=1, le=1000)
    paused: bool = False
    description: str = ""


class DeploymentEntry(BaseModel):
    """What the registry says of one deployment (contract section 5)."""

    model_config = ConfigDict(frozen=True)

    deployment_id: str
    name: str
    flow_name: str
    version: str
    schedule: str | None = None
    status: Literal["active", "paused"] = "active"
    last_run: datetime | None = None
    next_run: datetime | None = None
    tags: tuple[str, ...] = ()
    work_pool: str
    spec: DeploymentSpec
    applied_at: datetime
