"""Variants of an idea: what makes two of them the same, and where one stands among all tries."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np

from pipeline.backtest.overfitting import deflated_sharpe, luckiest, sharpe_of
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trial import Sharpe, Standing, Trial
from pipeline.setups.rules import SetupSpec

MIN_TRADES = 20
"""Fewer trades make a Sharpe ratio so loose that it would drown the spread of the others."""
_NOT_RULES = frozenset({
    "setup_id", "rule_version", "title", "description", "author", "reason", "status", "symbols",
    "timeframe", "timeframes",
})  # fmt: skip
_SAME_R = frozenset({"lots", "risk", "analyze_with_llm", "dry_run"})


class Tried(NamedTuple):
    """What was tried: rules on a symbol's bars of a timeframe, from one day to another."""

    spec: SetupSpec
    symbol: str
    timeframe: Timeframe
    options: BacktestOptions
    first: date
    last: date
    synthetic: bool = False


def variant_of(tried: Tried) -> str:
    """Return the fingerprint of a variant, as hex.

    Two variants are the same if rules, timeframe, options and tested days are: whatever can move
    a trade's R. Words about the rules, and options that change the size or the report, don't
    count. What is left at its default is as if it weren't there, so that a later version of the
    program, with more to choose from, knows the variants of an earlier one again.
    """
    rules = tried.spec.model_dump(mode="json", exclude=set(_NOT_RULES), exclude_defaults=True)
    what = _what(tried)
    if tried.options.rr_target is not None and len(tried.spec.targets) == 1:
        # A target asked for replaces the one in the rules: it is the same as a rule that says so.
        rules["targets"] = [{"tp": what["options"].pop("rr_target")}]
    kept = json.dumps({**what, "rules": rules}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(kept.encode()).hexdigest()


def trial_of(tried: Tried, rr: np.ndarray, *, run_id: str, at: datetime) -> Trial:
    """Return the trial of a tested variant; `rr` is R of its trades in any order, maybe empty."""
    sharpe = sharpe_of(rr)
    return Trial(
        setup_id=tried.spec.setup_id,
        symbol=tried.symbol,
        synthetic=tried.synthetic,
        variant=variant_of(tried),
        what={**_what(tried), "rule_version": tried.spec.rule_version},
        trades=len(rr),
        mean_r=float(rr.mean()) if len(rr) else None,
        sd_r=float(rr.std()) if len(rr) else None,
        skew=sharpe.skew if sharpe else None,
        kurtosis=sharpe.kurtosis if sharpe else None,
        run_id=run_id,
        at=at,
    )


def _what(tried: Tried) -> dict[str, Any]:
    return {
        "timeframe": tried.timeframe.value,
        "period": [tried.first.isoformat(), tried.last.isoformat()],
        "options": tried.options.model_dump(
            mode="json", exclude_defaults=True, exclude=set(_SAME_R)
        ),
    }


def standing(trials: Sequence[Trial], mine: Trial) -> Standing:
    """Return where `mine` stands among all `trials` of its idea, in order of first try.

    Notes
    -----
    The luckiest's Sharpe ratio needs the spread of the tries'. It is taken from those with 20
    trades or more; with fewer than two of them it is the chance error of a Sharpe ratio of as
    many trades as `mine` has.
    """
    variants = [trial.variant for trial in trials]
    if mine.variant not in variants:
        variants.append(mine.variant)
    sharpe = mine.sharpe
    variance = _variance(trials, sharpe)
    return Standing(
        number=variants.index(mine.variant) + 1,
        tried=len(variants),
        sharpe=sharpe.ratio if sharpe else None,
        luckiest=luckiest(len(variants), variance),
        deflated=deflated_sharpe(sharpe, len(variants), variance) if sharpe else None,
    )


def _variance(trials: Sequence[Trial], sharpe: Sharpe | None) -> float:
    found = [trial.sharpe for trial in trials if trial.trades >= MIN_TRADES]
    ratios = [each.ratio for each in found if each is not None]
    if len(ratios) > 1:
        return float(np.var(ratios, ddof=1))
    return 1.0 / (sharpe.count - 1) if sharpe else 0.0
