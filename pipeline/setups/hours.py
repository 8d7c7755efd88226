"""The hours in which a setup can trade, as its windows and limits say."""

from pipeline.domain.qa import EntryHours
from pipeline.setups.model import SetupSpec, clock_time


def entry_hours(spec: SetupSpec) -> EntryHours:
    """Return the hours between which a setup's trades can begin, and by which they end.

    Notes
    -----
    Every step happens inside its window and the signal is the last of them, so no trade begins
    before the latest window does. It ends the waiting: a limit's clock; for a market order the
    end of the last step's window. Windows in another zone than the setup's are left out.
    """
    inside = [s.window for s in spec.steps if s.window is not None and s.window.zone is None]
    last = spec.entry.expiry_at
    final = spec.steps[-1].window
    if spec.entry.type == "market" and final is not None and final.zone is None:
        last = final.end
    flat = spec.limits.flat_at
    return EntryHours(
        zone=spec.zone,
        first=max((clock_time(w.start) for w in inside), default=None),
        last=None if last is None else clock_time(last),
        flat=None if flat is None else clock_time(flat),
    )
