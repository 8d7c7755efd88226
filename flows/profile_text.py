"""The words of a rule profile, the same in the chat and on the command line."""

from collections.abc import Iterable

from pipeline.research.profile import Best, Effect, GroundProfile, ProfileReport, Suggestion, Tried

NOTHING = "Nothing here can be told from chance."
_MOST = 5


def ground_title(ground: GroundProfile) -> str:
    """Return what a ground is: market, days, version, SYNTHETIC if it is."""
    made_up = "SYNTHETIC · " if ground.synthetic else ""
    options = "".join(f" · {name}={value}" for name, value in ground.options.items())
    return (
        f"{made_up}{ground.symbol} {ground.timeframe} · v{ground.rule_version} · "
        f"{ground.start} – {ground.end}{options}"
    )


def ground_lines(ground: GroundProfile) -> list[str]:
    """Return what was looked at and what moves the result."""
    runs = len(ground.runs)
    lines = [f"{ground.variants:,} variants of {runs} run{'' if runs == 1 else 's'}"]
    if ground.summaries:
        lines.append(
            f"{ground.summaries:,} more are kept as summaries only: no intervals, not compared. "
            "/rerun of their sweep keeps the trades."
        )
    moving = [effect_line(e) for e in _sure(ground.effects)]
    lines += moving[:_MOST]
    if len(moving) > _MOST:
        lines.append(f"… and {len(moving) - _MOST} more in the report")
    if ground.effects and not moving:
        lines.append("No parameter moves anything that can be told from chance.")
    if not ground.effects:
        lines.append("Too little to compare: fewer than two variants with 20 trades on 20 days.")
    return lines


def _sure(effects: Iterable[Effect]) -> list[Effect]:
    """Return the effects whose corrected interval leaves zero out, neighbours first."""
    found = [e for e in effects if e.corrected and (e.corrected.low > 0 or e.corrected.high < 0)]
    return sorted(found, key=lambda e: (e.own, e.measure, e.parameter))


def effect_line(e: Effect) -> str:
    """Return one comparison with its corrected interval."""
    what = f"{e.parameter} {e.old} → {e.new}" + (" (from now)" if e.own else "")
    i = e.corrected or e.alone
    if e.measure == "win_rate":
        shown = f"win rate {100 * e.value:+.1f} points ({100 * i.low:+.1f} to {100 * i.high:+.1f})"
    else:
        shown = f"{e.value:+.2f} R a trade ({i.low:+.2f} to {i.high:+.2f})"
    return f"{what}: {shown}, {e.trades:,} trades"


def best_line(best: Best) -> str:
    """Return a variant's figures and what so many tries make of them."""
    values = " ".join(f"{name}={value}" for name, value in best.values.items()) or "as it is"
    deflated = best.standing.deflated
    worth = "not defined" if deflated is None else f"{deflated:.0%}"
    return (
        f"{values}: {best.mean_r:+.2f} R, {best.win_rate:.0%} won, {best.trades:,} trades; "
        f"deflated Sharpe {worth} after {best.standing.tried:,} tries"
    )


def suggestion_line(s: Suggestion) -> str:
    """Return a suggestion with its improvement and how much it rests on."""
    i = s.improvement
    return (
        f"{s.parameter} {s.old} → {s.new}: {i.value:+.2f} R a trade "
        f"({i.low:.2f} to {i.high:.2f}), {s.trades:,} trades"
    )


def verdict_lines(report: ProfileReport) -> list[str]:
    """Return the suggestions' head, or that there are none and what it would take."""
    looked = f"{report.comparisons:,} comparisons were made; all intervals hold together (95 %)."
    if report.suggestions:
        return [looked]
    lines = [NOTHING, looked] if report.comparisons else [NOTHING]
    near = report.nearest
    if near is not None and near.trades_needed is not None:
        lines.append(
            f"Likeliest: {effect_line(near)}. If it were real, it would take about "
            f"{near.trades_needed:,} trades to tell; there are {near.trades:,}."
        )
    if report.command:
        lines.append(f"More to compare: {report.command}")
    return lines


def tried_lines(tried: Tried) -> list[str]:
    """Return what became of a suggestion."""
    made = "Draft" if tried.made else "The draft was there already:"
    lines = [f"{made} {tried.setup_id} v{tried.rule_version} · status {tried.status}"]
    if tried.copied:
        lines.append("A copy of yours: a built-in is never changed.")
    lines.append(tried.reason)
    lines += [f"{d['field']}: {d['old']} → {d['new']}" for d in tried.difference]
    days = f"{tried.start} – {tried.end}"
    lines.append(
        f"Held-out days {days}, not used for finding it" if tried.held_out
        else f"No other days are held: tested on {days}, where it was found; that proves nothing"
    )  # fmt: skip
    for name, count, mean in (
        ("now", tried.trades_before, tried.mean_r_before), ("draft", tried.trades, tried.mean_r),
    ):  # fmt: skip
        told = "no trades" if mean is None else f"{mean:+.2f} R a trade"
        lines.append(f"{name}: {count:,} trades, {told}")
    return [*lines, tried.verdict]
