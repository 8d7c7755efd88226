"""The same bars give the same answer twice, and asking changes neither bars nor answers."""

import pandas as pd

from pipeline.domain.bars import fingerprint
from pipeline.verify.results import Check, Difference, verdict_of
from pipeline.verify.said import first_difference
from pipeline.verify.subject import Subject

SIDES = ("the first time", "the second time")


def repeats(subject: Subject, bars: pd.DataFrame) -> Check:
    """Ask twice on the same bars; every part must answer the same, bit for bit.

    The bars must be what they were before: a tool that writes into them would change what
    others see.
    """
    before = fingerprint(bars)
    once, twice = subject.said(bars), subject.said(bars)
    compared = 0
    for name, part in once.items():
        difference = first_difference(name, part, twice[name])
        compared += len(part)
        if difference is not None:
            return verdict_of("repeats", SIDES, compared, difference, {"bars": len(bars)})
    after = fingerprint(bars)
    changed = None
    if after != before:
        changed = Difference(at=None, what="bars", field="sha256", left=before, right=after)
    return verdict_of("repeats", SIDES, compared, changed, {"bars": len(bars)})
