"""The news calendar as runs use it: read only for setups that ask, and what to say of its gaps."""

from datetime import datetime

import pandas as pd

from flows.services import Services
from pipeline.domain.news import news_reach
from pipeline.setups.rules import SetupSpec

FILE = "news.csv"


def reads_news(spec: SetupSpec) -> bool:
    """Return whether any rule of the setup asks for the news calendar."""
    return any(rule.news_free is not None for rule in spec.confluences)


async def calendar_for(spec: SetupSpec, services: Services) -> pd.DataFrame | None:
    """Return the news frame for a setup that asks for it; None: it doesn't, or there is none."""
    return await services.news.read() if reads_news(spec) else None


def news_warnings(
    spec: SetupSpec, news: pd.DataFrame | None, start: datetime, end: datetime
) -> tuple[str, ...]:
    """Say where a setup's news rules could not be judged between two instants.

    There the rule counts as not met, so that a missing calendar never passes for calm.
    """
    if not reads_news(spec):
        return ()
    rules = [rule for rule in spec.confluences if rule.news_free is not None]
    names = ", ".join(f"'{rule.name}'" for rule in rules)
    effect = f"{names} counts as not met there"
    if any(rule.required for rule in rules):
        effect += ", and gives no signals"
    reach = None if news is None else news_reach(news)
    if reach is None:
        return (f"No news calendar: put {FILE} into SCOUT_HOME. Until then {effect}.",)
    first, last = reach
    if first <= start and end <= last:
        return ()
    told = f"{first:%Y-%m-%d} to {(last - pd.Timedelta(seconds=1)):%Y-%m-%d}"
    return (f"The news calendar ({FILE}) reaches from {told} only: {effect}.",)
