"""What a backtest's result is worth: weighed against chance, and against all tries of its idea."""

import numpy as np

from flows import backtest_steps as steps
from flows.backtest_compute import Found, Tested
from flows.backtest_steps import Ingested, Job
from pipeline.backtest.robustness import robustness
from pipeline.backtest.trials import Tried, standing, trial_of, variant_of
from pipeline.domain.trial import Standing


async def tested_and_weighed(job: Job, ingested: Ingested, found: Found) -> Tested:
    """Fill the plans, sum up, and say how far chance alone could move the sums.

    The draws begin from the variant's fingerprint: the same variant is always weighed alike.
    """
    tested = await steps.backtester_core(job, found)
    tried = tried_of(job, ingested)
    rng = np.random.default_rng(int(variant_of(tried), 16))
    weighed = await job.services.cpu.run(
        robustness, tested.trades, rng, first=tried.first, last=tried.last
    )
    return tested.model_copy(update={"robustness": weighed})


async def written_down(job: Job, ingested: Ingested, tested: Tested) -> Standing:
    """Write the try into the ledger and return where it stands among all tries of its idea.

    A rerun, a resumed run or another run of the same variant is the same try and counts once.
    """
    ledger, now = job.services.trials, job.services.clock()
    rr = np.array([trade.rr for trade in tested.trades])
    mine = trial_of(tried_of(job, ingested), rr, run_id=job.run.run_id, at=now)
    await ledger.append_many([mine])
    tries = await ledger.of_idea(mine.setup_id, mine.symbol, synthetic=mine.synthetic)
    return standing(tries, mine)


def tried_of(job: Job, ingested: Ingested) -> Tried:
    """Return what the job tries, on the days that bars are held of."""
    return Tried(
        spec=job.spec,
        symbol=job.request.symbol,
        timeframe=job.request.timeframe,
        options=job.request.options,
        first=ingested.period_start,
        last=ingested.period_end,
        synthetic=ingested.synthetic,
    )
