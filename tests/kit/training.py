"""Made-up labelled signals: the label follows the first feature as strongly as a test wants."""

from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.market import Timeframe
from pipeline.ml.features import FEATURE_VERSION, FEATURES

SETUPS = ("Frank_raid_v1", "IB_raid_v1")
BEGIN = datetime(2024, 1, 1, 9, 0, tzinfo=UTC)
STEP = timedelta(hours=7)


def labelled(
    count: int,
    *,
    strength: float = 2.0,
    seed: int = 3,
    begin: datetime = BEGIN,
    version: str = FEATURE_VERSION,
) -> list[Label]:
    """Return rows seven hours apart; with strength 0 nothing can be learnt."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(FEATURES))).round(6)
    won = rng.random(count) < 1 / (1 + np.exp(-strength * x[:, 0] + 0.4))
    return [_row(i, x[i], bool(won[i]), begin + i * STEP, version) for i in range(count)]


def _row(i: int, values: np.ndarray, won: bool, known: datetime, version: str) -> Label:
    return Label(
        source=BACKTEST,
        signal_id=f"made-up-{known:%Y%m%d%H%M}",
        run_id="run_2024_01_01_001",
        setup_id=SETUPS[i % 2],
        rule_version="1.0",
        symbol="EURUSD" if i % 3 else "GER40",
        tf=Timeframe.M5,
        side="long",
        known_at=known,
        resolved_at=known + timedelta(hours=2),
        label=int(won),
        rr=1.5 if won else -1.0,
        exit_reason="TP" if won else "SL",
        confidence=0.8,
        features=dict(zip(FEATURES, map(float, values), strict=True)),
        feature_version=version,
    )
