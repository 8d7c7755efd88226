"""Every check of `pipeline.verify` on one setup and one market, in one call."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.data.buffer import BarBuffer
from pipeline.domain.trade import CostModel
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.live import LiveSetup
from pipeline.verify.causality import drawn_rows, prefix_invariance, warm_up_sufficiency
from pipeline.verify.counts import counts
from pipeline.verify.filling import fills
from pipeline.verify.repeats import repeats
from pipeline.verify.replay import first_of_sessions, replay
from pipeline.verify.results import Check, merged
from pipeline.verify.subject import SIGNALS, SetupSubject

COSTS = CostModel(slippage_points=0.2, commission=1.0)


def every_check(
    subject: SetupSubject,
    bars: pd.DataFrame,
    *,
    cuts: int = 16,
    sessions: int = 3,
    buffer: Callable[[LiveSetup], BarBuffer] = LiveSetup.buffer,
) -> dict[str, Check]:
    """Return every check by name, drawn with a fixed seed."""
    rng, day = np.random.default_rng(17), 1440 // subject.trigger.minutes
    full, width = subject.said(bars), subject.needs()[SIGNALS]
    near = drawn_rows(full, bars, rng, cuts)
    frames = frames_for(bars, subject.trigger, subject.spec)
    tools = detect(frames, subject.spec, subject.trigger, subject.instrument)
    found = find_signals(frames, tools, subject.spec, subject.trigger, subject.instrument)
    first = first_of_sessions(subject, bars, sessions)
    done = [
        merged(
            [
                prefix_invariance(subject, bars, near, width, day),
                prefix_invariance(subject, bars, near[:: cuts // 3], len(bars), len(bars)),
            ]
        ),
        warm_up_sufficiency(subject, bars, near, full),
        repeats(subject, bars),
        replay(subject, bars, full[SIGNALS], first, len(bars), buffer),
        fills(found.plans, bars, subject.instrument, COSTS, subject.trigger),
        counts(subject.spec, bars, 0, full),
    ]
    return {check.name: check for check in done}
