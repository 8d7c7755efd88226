"""What an ended signal teaches: a row of `labeled_trades`."""

from pipeline.backtest.ending import target_reached
from pipeline.domain.label import Label
from pipeline.domain.live import Life, LiveSignal


def label_of(record: LiveSignal, life: Life) -> Label:
    """Return the row of a signal whose life has ended.

    Notes
    -----
    The target that counts is the last one: a position that left half at the first and the rest
    at break-even is 0, whatever it earned. `resolved_at` is the close at which the end was known.

    Raises
    ------
    ValueError
        The life has not ended.
    """
    end = life.trade.exit_reason if life.trade else life.missed.reason if life.missed else None
    if end is None or life.as_of is None:
        raise ValueError(f"the life of {record.signal_id} has not ended: it is {life.state}")
    s = record.signal
    return Label(
        source=record.origin,
        signal_id=record.signal_id,
        setup_id=s.setup_id,
        rule_version=s.rule_version,
        symbol=s.symbol,
        tf=s.tf,
        side=s.side.value,
        known_at=s.known_at,
        resolved_at=life.as_of,
        label=target_reached(life.trade),
        rr=None if life.trade is None else life.trade.rr,
        exit_reason=str(end),
        decision=record.decision.decision.value,
        confidence=s.confidence,
        features=record.features,
        feature_version=record.feature_version,
    )
