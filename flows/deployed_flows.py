"""The flows that can be deployed: where each is written, what it takes, who keeps its times.

Nothing of Prefect is imported here: the chat and the command line read deployments without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flows.stories import STORIES
from flows.story import Story

TEXT = "text"
"""The parameter that holds a command, such as `/backtest … last 30d`, parsed anew each time."""
POOLS = ("local_pool", "live_pool", "training_pool", "ingestion_pool", "schedule_pool")
"""The pools that the product's own processes serve."""
SCANNER = "scanner"
_OWN = frozenset({"mode", "extra", "dry_run"})


@dataclass(frozen=True, eq=False)
class DeployedFlow:
    """One flow of the product.

    Parameters
    ----------
    name, module
        Of the flow, and of the file in `flows` that holds its Prefect flow.
    takes
        Parameters of the flow itself, beside its run: name to type.
    by_schedule
        What a schedule asks for beside its parameters.
    kept_by
        Which process looks at the clock for it, if no schedule does.
    needs
        Modules that it is made of besides `module` and its story's.
    """

    name: str
    module: str
    takes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    by_schedule: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    kept_by: str = ""
    needs: tuple[str, ...] = ()

    @property
    def story(self) -> Story | None:
        """The kind of run that it tells; None: it is no run of START's."""
        return STORIES.get(self.name)

    @property
    def entrypoint(self) -> str:
        """Where Prefect finds it."""
        return f"flows/{self.module}.py:{self.name}"

    @property
    def asked(self) -> tuple[str, ...]:
        """The fields of its request that parameters may give."""
        if self.story is None:
            return ()
        return tuple(name for name in self.story.request.model_fields if name not in _OWN)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters that a deployment of it may give."""
        text = (TEXT,) if self.story is not None else ()
        return (*self.takes, *text, *self.asked)

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules from which all its code is reached."""
        story = () if self.story is None else (self.story.tell.__module__,)
        return (f"flows.{self.module}", *story, *self.needs)

    def of_flow(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those parameters that are the flow's own, as Prefect is given them."""
        return {name: value for name, value in parameters.items() if name in self.takes}

    def of_request(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those parameters that say what is asked for."""
        return {name: value for name, value in parameters.items() if name not in self.takes}


_FLOWS = (
    DeployedFlow(
        "backtest_flow", "backtest_flow", {"default_slippage": float, "default_spread": float}
    ),
    DeployedFlow("sweep_flow", "research_flows"),
    DeployedFlow("walkforward_flow", "research_flows"),
    DeployedFlow("batch_flow", "research_flows"),
    DeployedFlow("verify_flow", "verify_flow"),
    DeployedFlow("profile_flow", "research_flows"),
    DeployedFlow("label_flow", "label_flow"),
    DeployedFlow(
        "live_scan_flow", "live_scan_flow", {"active_setups": tuple[str, ...]},
        kept_by=SCANNER, needs=("flows.live_scan", "flows.watcher"),
    ),
    DeployedFlow("parity_flow", "parity_flow"),
    DeployedFlow(
        "train_model_flow", "train_model_flow", by_schedule={"trigger": "scheduled_weekly"}
    ),
    DeployedFlow("model_retraining", "retraining_flows", by_schedule={"trigger": "scheduled"}),
    DeployedFlow("data_collection", "retraining_flows"),
    DeployedFlow("fetch_flow", "fetch_flow"),
    DeployedFlow("ingest_flow", "ingest_flow"),
    DeployedFlow("data_quality_flow", "data_quality_flow"),
    DeployedFlow("instrument_flow", "instrument_flow"),
    DeployedFlow("analyze_flow", "analyze_flow"),
    DeployedFlow("replay_flow", "replay_flow"),
    DeployedFlow("backup_flow", "backup_flow"),
    DeployedFlow("upkeep_flow", "upkeep_flow"),
    DeployedFlow("schedule_flow", "schedule_flow", needs=("flows.schedule_requests",)),
)  # fmt: skip
FLOWS: Mapping[str, DeployedFlow] = MappingProxyType({one.name: one for one in _FLOWS})
"""Every flow by its name; in a file it is `flows.` and this name."""


def flow_of(flow: str) -> DeployedFlow:
    """Return the flow that a file calls `flows.NAME`."""
    return FLOWS[flow.removeprefix("flows.")]
