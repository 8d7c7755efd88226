"""Stretches: evaluations that say the same close after close, kept as one row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipeline.domain.live import Evaluation
from pipeline.domain.market import Timeframe

Line = tuple[str, str, str]
"""Symbol, setup and timeframe: what one row of stretches is about."""


@dataclass(frozen=True)
class Stretch:
    """What was said at `closes` closes without a gap, within one UTC day."""

    symbol: str
    setup_id: str
    tf: str
    first_close: datetime
    last_close: datetime
    closes: int
    step: str
    reason: str
    signals: int
    seq: int = 0  # of its row; 0: it has none yet

    @property
    def line(self) -> Line:
        """What it is about."""
        return self.symbol, self.setup_id, self.tf

    def takes(self, said: Evaluation) -> bool:
        """Whether `said` says the same at the very next close of the same day."""
        return (
            (said.step, said.reason, said.signals) == (self.step, self.reason, self.signals)
            and said.close - self.last_close == said.tf.delta
            and said.close.astimezone(UTC).date() == self.first_close.astimezone(UTC).date()
        )

    def at(self, moment: datetime) -> Evaluation | None:
        """Return what it says of the last of its closes that is not after `moment`."""
        tf = Timeframe(self.tf)
        steps = min((moment - self.first_close) // tf.delta, self.closes - 1)
        if steps < 0:
            return None
        return Evaluation(
            symbol=self.symbol,
            setup_id=self.setup_id,
            tf=tf,
            close=self.first_close + steps * tf.delta,
            step=self.step,
            reason=self.reason,
            signals=self.signals,
        )


def prolong(
    last: Mapping[Line, Stretch], said: Sequence[Evaluation]
) -> tuple[list[Stretch], list[Stretch]]:
    """Return the stretches that become longer, and the new ones.

    Parameters
    ----------
    last
        The newest stretch of each line, as it is kept.
    said
        Evaluations in any order. What was said of a close already stays as it was said first.
    """
    heads = dict(last)
    done: list[Stretch] = []
    for each in sorted(said, key=lambda e: e.close):
        line = each.symbol, each.setup_id, each.tf.value
        head = heads.get(line)
        if head is not None and each.close <= head.last_close:
            continue
        if head is not None and head.takes(each):
            heads[line] = replace(head, last_close=each.close, closes=head.closes + 1)
            continue
        if head is not None and head is not last.get(line):
            done.append(head)
        heads[line] = _begin(each)
    done += [head for line, head in heads.items() if head is not last.get(line)]
    return [s for s in done if s.seq], [s for s in done if not s.seq]


def _begin(said: Evaluation) -> Stretch:
    return Stretch(
        symbol=said.symbol,
        setup_id=said.setup_id,
        tf=said.tf.value,
        first_close=said.close,
        last_close=said.close,
        closes=1,
        step=said.step,
        reason=said.reason,
        signals=said.signals,
    )
