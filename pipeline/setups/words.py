"""A setup's rules as a short list that a trader can read and dispute."""

from pipeline.domain.market import SESSIONS
from pipeline.setups.model import Match, SetupSpec, Step, TargetRule, VoidRule

_KINDS = {
    "formed": "forms",
    "penetrated": "is traded through",
    "reclaimed": "is closed back over",
    "accepted_break": "is broken and held",
    "inverted": "is closed through from the other side",
    "mitigated": "is filled",
    "closes_beyond": "is closed beyond",
    "touches_beyond": "is traded beyond",
    "bos": "breaks structure",
    "choch": "changes character",
}


def rules_in_words(spec: SetupSpec) -> list[str]:
    """Return the rules in the order they must hold, then orders and limits; not yet numbered."""
    lines = [_step(step, spec) for step in spec.steps]
    lines += [_entry(spec), _stop(spec), _targets(spec)]
    if spec.voids:
        lines.append("Off if, before the fill: " + "; ".join(_void(v) for v in spec.voids) + ".")
    lines.append(_limits(spec))
    if spec.confluences:
        must = "; ".join(c.name for c in spec.confluences if c.required)
        lines += [f"No signal without: {must}."] if must else []
        met = ", ".join(f"{c.name} ({c.weight:g})" for c in spec.confluences)
        lines.append(f"Confidence, by weight of what is met: {met}.")
    return lines


def _step(step: Step, spec: SetupSpec) -> str:
    parts = [step.title, " or ".join(_match(m, spec) for m in step.matches)]
    if step.window is not None:
        zone = step.window.zone or spec.zone
        parts.append(f"{step.window.start}–{step.window.end} {_city(zone)}")
    if step.take == "only":
        parts.append("the first of the day, whichever side")
    if step.max_bars is not None:
        parts.append(f"within {step.max_bars} bars")
    if step.after is not None:
        parts.append(f"since the {step.after}")
    parts += [_bounds(limit.value, limit.per, limit.min, limit.max) for limit in step.limits]
    return ": ".join((parts[0], ", ".join(parts[1:]))) + "."


def _match(match: Match, spec: SetupSpec) -> str:
    tool = match.tool or ""
    events = " or ".join(_KINDS.get(e, e.replace("_", " ")) for e in match.event)
    text = f"{'the ' + (match.of or '') if tool == 'price' else _tool(tool, spec)} {events}"
    if match.latest:
        text = f"the newest of {_tool(tool, spec)} is on the trade's side"
    if match.born is not None:
        text += f", formed at most {-match.born.bars} bars before the {match.born.after}"
    for where in match.where:
        text += f", {_ref(where.value)} {where.is_} {_ref(where.of)}"
    return text


def _tool(name: str, spec: SetupSpec) -> str:
    tool = spec.tools[name]
    session = SESSIONS.get(str(tool.settings.get("session")))
    timeframe = "" if tool.timeframe is None else f"{tool.timeframe} "
    if session is not None:
        hours = f"{session.start:%H:%M}–{session.end:%H:%M} {_city(session.zone)}"
        return f"the {session.name.replace('_', ' ')} range ({hours})"
    if "levels" in tool.settings:
        return f"a side of the {tool.settings['levels']} range"
    size = tool.settings.get("min_gap_atr")
    sized = "" if size is None else f" of {size} ATR or more"
    return f"{timeframe}{tool.detector.replace('_', ' ')}{sized}"


def _ref(ref: str) -> str:
    step, _, field = ref.partition(".")
    if not field:
        return f"the {step}"
    names = {"near": "near edge", "far": "far edge", "running_extreme": "extreme so far"}
    shown = names.get(field, field.replace("_", " "))
    return f"its {shown}" if step == "this" else f"the {step}'s {shown}"


def _bounds(value: str, per: str | None, low: float | None, high: float | None) -> str:
    unit = "" if per is None else f" {per.replace('_', ' ').upper()}"
    if low is not None and high is not None:
        return f"{_ref(value)} from {low:g} to {high:g}{unit}"
    if low is not None:
        return f"{_ref(value)} at least {low:g}{unit}"
    return f"{_ref(value)} at most {high:g}{unit}" if high is not None else _ref(value)


def _entry(spec: SetupSpec) -> str:
    entry = spec.entry
    if entry.at is None:
        return "Entry: market at the next open."
    text = f"Entry: limit at {_ref(entry.at)}"
    if entry.expiry_bars is not None:
        text += f", for {entry.expiry_bars} bars"
    if entry.expiry_at is not None:
        text += f", until {entry.expiry_at} {_city(spec.zone)} at the latest"
    return text + "."


def _stop(spec: SetupSpec) -> str:
    stop = spec.stop
    text = f"Stop: behind {_ref(stop.behind)}"
    if stop.buffer_atr:
        text += f", {stop.buffer_atr:g} ATR further"
    if stop.buffer_spreads:
        text += f", and {stop.buffer_spreads:g} spread further"
    if stop.min_atr:
        text += f", at least {stop.min_atr:g} ATR from the entry"
    return text + ("." if spec.sl == 1 else f"; its distance times {spec.sl:g}.")


def _targets(spec: SetupSpec) -> str:
    return "Target: " + ", then ".join(_target(t) for t in spec.targets) + "."


def _target(target: TargetRule) -> str:
    text = f"{target.tp:g} R" if target.tp is not None else _ref(target.at or "")
    if target.share < 1:
        text += f" for {target.share:.0%}"
    return text + (f" (if {target.min_r:g} R or more)" if target.min_r else "")


def _void(void: VoidRule) -> str:
    if void.of is None:
        return void.name
    verb = "a close" if void.price == "close" else "a price"
    return f"{void.name} ({verb} {void.is_} {_ref(void.of)})"


def _limits(spec: SetupSpec) -> str:
    limits = spec.limits
    parts = [f"{limits.per_side_and_day} per side and day"]
    if limits.min_r_spreads:
        parts.append(f"refused if R is under {limits.min_r_spreads:g} spreads")
    if limits.flat_at is not None:
        parts.append(f"flat by {limits.flat_at} {_city(spec.zone)}")
    if limits.max_hold_minutes is not None:
        parts.append(f"held {limits.max_hold_minutes} minutes at most")
    return "Limits: " + ", ".join(parts) + "."


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")
