"""How the report of each kind of run reads in the chat."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot import (
    views_analyze,
    views_backup,
    views_fetch,
    views_label,
    views_parity,
    views_profile,
    views_replay,
    views_report,
    views_research,
    views_retraining,
    views_train,
    views_upkeep,
    views_verify,
)
from bot.layout import View
from pipeline.domain.analyze import SymbolReport
from pipeline.domain.backup import BackupReport
from pipeline.domain.data_quality import DataQualityReport
from pipeline.domain.exchange import CollectionResult, RetrainingResult
from pipeline.domain.fetch import FetchReport
from pipeline.domain.ingest import IngestReport
from pipeline.domain.instrument_info import InstrumentsReport
from pipeline.domain.replay import ReplayReport
from pipeline.domain.report import BacktestReport
from pipeline.domain.train_report import LabelReport, TrainReport
from pipeline.domain.upkeep import UpkeepReport
from pipeline.live.certificate import ParityReport
from pipeline.research.profile import ProfileReport
from pipeline.research.reports import BatchReport, SweepReport, WalkForwardReport
from pipeline.verify.report import VerifyReport

Kept = Mapping[str, Any]


def _backtest(kept: Kept) -> View:
    return views_report.report(BacktestReport.model_validate(kept))


VIEWS: Final[dict[str, Callable[[Kept], View]]] = {
    "backtest_flow": _backtest,
    "sweep_flow": lambda kept: views_research.sweep(SweepReport.model_validate(kept)),
    "walkforward_flow": lambda kept: views_research.walkforward(
        WalkForwardReport.model_validate(kept)
    ),
    "verify_flow": lambda kept: views_verify.verification(VerifyReport.model_validate(kept)),
    "profile_flow": lambda kept: views_profile.profile(ProfileReport.model_validate(kept)),
    "parity_flow": lambda kept: views_parity.certificate(ParityReport.model_validate(kept)),
    "data_collection": lambda kept: views_retraining.collection(
        CollectionResult.model_validate(kept)
    ),
    "model_retraining": lambda kept: views_retraining.retraining(
        RetrainingResult.model_validate(kept)
    ),
    "instrument_flow": lambda kept: views_fetch.instruments(
        InstrumentsReport.model_validate(kept)
    ),
    "ingest_flow": lambda kept: views_fetch.ingested(IngestReport.model_validate(kept)),
    "data_quality_flow": lambda kept: views_fetch.quality(DataQualityReport.model_validate(kept)),
    "fetch_flow": lambda kept: views_fetch.fetched(FetchReport.model_validate(kept)),
    "analyze_flow": lambda kept: views_analyze.symbol(SymbolReport.model_validate(kept)),
    "backup_flow": lambda kept: views_backup.backup(BackupReport.model_validate(kept)),
    "upkeep_flow": lambda kept: views_upkeep.upkeep(UpkeepReport.model_validate(kept)),
    "label_flow": lambda kept: views_label.labelled(LabelReport.model_validate(kept)),
    "replay_flow": lambda kept: views_replay.replay(ReplayReport.model_validate(kept)),
    "train_model_flow": lambda kept: views_train.training(TrainReport.model_validate(kept)),
    "batch_flow": lambda kept: views_research.batch(BatchReport.model_validate(kept)),
}
"""Flow type -> the view of its dumped report."""


def report_view(kept: Kept) -> View:
    """Return the view of a dumped report, whatever kind of run it tells of."""
    return VIEWS[str(kept["flow_type"])](kept)
