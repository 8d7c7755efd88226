"""Labelled signals with a planted signal or none, as arrays and as rows of `labeled_trades`."""

from datetime import UTC, datetime

import numpy as np

from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.market import Timeframe
from pipeline.ml.dataset import Dataset

NOW = datetime(2026, 1, 5, 3, tzinfo=UTC)
BEGINS = np.datetime64("2024-01-01T08:00", "us")
MINUTE = np.timedelta64(1, "m")


def dataset(n=700, features=5, seed=0, signal=0.0, minutes=300, setups=("IB_raid_v1",)):
    """Some signals a day for months; `signal` is the true weight of the first feature."""
    rng = np.random.default_rng(seed)
    known = BEGINS + np.sort(rng.integers(0, n * 180, n)) * MINUTE
    x = rng.normal(size=(n, features))
    chance = 1 / (1 + np.exp(0.4 - signal * x[:, 0]))
    y = (rng.random(n) < chance).astype(np.int8)
    return Dataset(
        features=tuple(f"f{i}" for i in range(features)),
        feature_version="1",
        x=x,
        y=y,
        known=known,
        resolved=known + rng.integers(1, minutes, n) * MINUTE,
        rr=np.where(y == 1, 2.0, -1.0),
        setups=rng.choice(np.array(setups, dtype=np.str_), n),
        symbols=np.full(n, "EURUSD"),
        keys=tuple(f"key {i}" for i in range(n)),
    )


def rows_of(data, source=BACKTEST):
    """The same as rows of the table."""
    return [
        Label(
            source=source,
            signal_id=f"{source} {i}",
            setup_id=str(data.setups[i]),
            rule_version="1.0",
            symbol=str(data.symbols[i]),
            tf=Timeframe.M5,
            side="long" if i % 2 else "short",
            known_at=data.known[i].item().replace(tzinfo=UTC),
            resolved_at=data.resolved[i].item().replace(tzinfo=UTC),
            label=int(data.y[i]),
            rr=float(data.rr[i]),
            exit_reason="TP" if data.y[i] else "SL",
            confidence=0.8,
            features=dict(zip(data.features, data.x[i].tolist(), strict=True)),
            feature_version=data.feature_version,
        )
        for i in range(len(data))
    ]
