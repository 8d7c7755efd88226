"""How the report of each kind of run reads on the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows.cli_analyze import ANALYZE_LINES
from flows.cli_backup import BACKUP_LINES
from flows.cli_fetch import FETCH_LINES
from flows.cli_label import LABEL_LINES
from flows.cli_parity import PARITY_LINES
from flows.cli_profile import PROFILE_LINES
from flows.cli_replay import REPLAY_LINES
from flows.cli_research_lines import RESEARCH_LINES
from flows.cli_retraining import EXCHANGE_LINES
from flows.cli_train import TRAIN_LINES
from flows.cli_upkeep import UPKEEP_LINES
from flows.cli_verify import VERIFY_LINES
from flows.cli_views import report_lines
from pipeline.domain.report import BacktestReport

Kept = Mapping[str, Any]


def _backtest(kept: Kept, archive: Path) -> list[str]:
    return report_lines(BacktestReport.model_validate(kept), archive)


LINES: dict[str, Callable[[Kept, Path], list[str]]] = {
    "backtest_flow": _backtest,
    **ANALYZE_LINES,
    **BACKUP_LINES,
    **FETCH_LINES,
    **REPLAY_LINES,
    **EXCHANGE_LINES,
    **PARITY_LINES,
    **LABEL_LINES,
    **PROFILE_LINES,
    **RESEARCH_LINES,
    **TRAIN_LINES,
    **UPKEEP_LINES,
    **VERIFY_LINES,
}
"""Flow type -> the lines of its dumped report; the path is the archive's."""


def lines_of_report(kept: Kept, archive: Path) -> list[str]:
    """Return the lines of a dumped report, whatever kind of run it tells of."""
    return LINES[str(kept["flow_type"])](kept, archive)
