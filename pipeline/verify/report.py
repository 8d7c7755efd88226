"""What a verification asks for and what comes back."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestRequest, TaskRecord
from pipeline.verify.results import Check


class VerifyRequest(BaseModel):
    """Prove a setup on held bars. Timeframe and period None: chosen from what is held."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["verify"] = "verify"
    setup_id: str
    symbol: str
    timeframe: Timeframe | None = None
    start: date | None = None
    end: date | None = None
    cuts: int = Field(default=200, ge=10, le=2000, description="drawn cuts of the bars")
    sessions: int = Field(default=20, ge=1, le=60, description="days replayed bar by bar")
    seed: int = Field(default=17, description="of the drawing")
    extra: dict[str, Any] = Field(default_factory=dict)

    def backtest(self) -> BacktestRequest:
        """Return the backtest of the same, once timeframe and period are chosen."""
        return BacktestRequest.model_validate(
            {
                **self.model_dump(include={"setup_id", "symbol", "timeframe", "extra"}),
                "start": self.start,
                "end": self.end,
            }
        )


class VerifyReport(BaseModel):
    """The result: every check in its order; `verdict` is the worst of them."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str = "verify_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...]
    results_summary: dict[str, Any]
    artifacts: dict[str, Any]
    request: dict[str, Any]
    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    period_start: date
    period_end: date
    bars: int = Field(description="of the period and the look-back before it")
    source: str
    synthetic: bool = False
    data_quality: float | None = None
    verdict: Literal["passed", "failed", "look"]
    checks: tuple[Check, ...]
    seconds: dict[str, float] = Field(description="check -> how long it took")
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)


def worst(checks: tuple[Check, ...]) -> Literal["passed", "failed", "look"]:
    """Return the verdict over all checks."""
    verdicts = {check.verdict for check in checks}
    if "failed" in verdicts:
        return "failed"
    return "look" if "look" in verdicts else "passed"
