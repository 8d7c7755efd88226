"""How cases like a signal ended, counted only from what had ended before it."""

from datetime import datetime
from math import sqrt

import numpy as np

from pipeline.domain.live import Similar
from pipeline.domain.signal import Signal
from pipeline.live.cases import CaseTable, met_words, micros, share_of

ENOUGH = 20
"""So many cases are wanted before "alike" is drawn no wider."""
BAND = 0.1
"""Confidences this far apart are of one band."""
_ROUNDING = 1e-9


def similar(signal: Signal, cases: CaseTable, before: datetime) -> Similar:
    """Return how many cases like a signal there are and how they ended.

    Parameters
    ----------
    cases
        Of the signal's setup, symbol and timeframe.
    before
        Only cases that had ended by then count: the close at which the signal is known.

    Notes
    -----
    Alike is drawn wider step by step until there are 20 cases: same side and same met
    confluences; same side and a confidence (of the rules) within 0.10; same side; either side.
    Each step holds the one before it. `rate` is the share that reached the last target. `se` is
    half the width of Wilson's interval at one standard deviation: unlike the plain binomial
    error it is not zero where all of few cases ended the same.
    """
    ended = cases.resolved <= micros(before)
    steps = [(ended & mask, words) for mask, words in _steps(signal, cases)]
    chosen, words = next((s for s in steps if int(s[0].sum()) >= ENOUGH), steps[-1])
    n = int(chosen.sum())
    if n == 0:
        return Similar(cases=0, alike=words)
    reached = int(cases.reached[chosen].sum())
    return Similar(
        cases=n,
        reached=reached,
        rate=reached / n,
        se=wilson_error(reached, n),
        mean_r=float(cases.rr[chosen].mean()),
        alike=words,
    )


def wilson_error(reached: int, n: int) -> float:
    """Return half the width of Wilson's interval of a share at one standard deviation; n > 0."""
    share = reached / n
    return sqrt(share * (1 - share) / n + 1 / (4 * n * n)) / (1 + 1 / n)


def _steps(signal: Signal, cases: CaseTable) -> list[tuple[np.ndarray, str]]:
    """Return what counts as alike, from narrow to wide, each with its words."""
    side = cases.side == signal.side.sign
    either = (np.ones(len(cases), dtype=bool), "long or short")
    if not signal.confluences:
        return [(side, str(signal.side)), either]
    word = met_words(signal.confluences)
    code = cases.met_names.index(word) if word in cases.met_names else -1
    share = share_of(signal.confluences)
    band = np.abs(cases.share - share) <= BAND + _ROUNDING
    met = sum(c.met for c in signal.confluences)
    low, high = max(share - BAND, 0.0), min(share + BAND, 1.0)
    return [
        (
            side & (cases.met == code),
            f"{signal.side}, the same {met} of {len(signal.confluences)} confluences met",
        ),
        (side & band, f"{signal.side}, confidence {low:.2f} to {high:.2f}"),
        (side, str(signal.side)),
        either,
    ]
