"""What may be wrong with a deployment: its times, its zone, its parameters."""

import difflib
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from flows.deployed_flows import SCANNER, TEXT, DeployedFlow, flow_of
from flows.deployment_times import HOW, Times, read_times
from pipeline.domain.deployment import DeploymentSpec

_MINUTELY = ("*/1 * * * *", "* * * * *")


def spec_problems(spec: DeploymentSpec) -> list[tuple[tuple[str, ...], str]]:
    """Return what is wrong with a deployment of a known flow: where in it, and why."""
    flow = flow_of(spec.flow)
    return [*_times_problems(spec, flow), *_parameter_problems(spec, flow)]


def times_of(spec: DeploymentSpec) -> Times | None:
    """Return when it starts by itself; None: by hand only, or its process keeps the times."""
    if spec.schedule is None or flow_of(spec.flow).kept_by:
        return None
    return read_times(spec.schedule)


def _times_problems(
    spec: DeploymentSpec, flow: DeployedFlow
) -> Iterable[tuple[tuple[str, ...], str]]:
    if flow.kept_by == SCANNER and spec.schedule not in _MINUTELY:
        yield (
            ("schedule",),
            (
                f'the scanner scans at each minute\'s close: write "{_MINUTELY[0]}"; '
                "to have it rest, write paused: true"
            ),
        )
    if spec.schedule is None:
        return
    try:
        times = times_of(spec)
    except ValueError as error:
        yield ("schedule",), str(error) if HOW in str(error) else f"{error}; {HOW}"
        return
    try:
        ZoneInfo(spec.timezone or "UTC")
    except (ValueError, OSError, KeyError):
        yield (
            ("timezone",),
            f"unknown time zone '{spec.timezone}'; write one such as Europe/Berlin",
        )
    if times is not None and (wrong := missing(spec)):
        yield ("parameters",), f"nothing says what is asked for at each time: {wrong}"


def _parameter_problems(
    spec: DeploymentSpec, flow: DeployedFlow
) -> Iterable[tuple[tuple[str, ...], str]]:
    for name, value in spec.parameters.items():
        if name not in flow.parameters:
            yield (
                ("parameters", name),
                (f"{flow.name} knows no parameter '{name}'" + closest(name, flow.parameters)),
            )
        elif name in flow.takes:
            try:
                TypeAdapter(flow.takes[name]).validate_python(value)
            except ValidationError as error:
                yield ("parameters", name), said(error.errors()[0])
    asked = flow.of_request(spec.parameters)
    if TEXT in asked and (wrong := _text_problem(asked, flow)):
        yield ("parameters", TEXT), wrong
    elif flow.story is not None and TEXT not in asked and asked:
        try:
            flow.story.request.model_validate(asked)
        except ValidationError as error:
            for one in error.errors():
                if one["type"] != "missing" and one["loc"] and one["loc"][0] in asked:
                    yield ("parameters", str(one["loc"][0])), said(one)


def _text_problem(asked: dict[str, Any], flow: DeployedFlow) -> str:
    from flows.control import story_of_text  # noqa: PLC0415  (which knows every kind of run)

    text = asked[TEXT]
    story = flow.story
    if not isinstance(text, str) or story is None or not text.startswith("/"):
        return f"'{text}' is no command such as '/{story.command if story else 'backtest'} …'"
    if len(asked) > 1:
        others = ", ".join(name for name in asked if name != TEXT)
        return f"the command says it all; leave out {others}"
    if story_of_text(text).flow_type != flow.name:
        return f"'{text.split()[0]}' is for {story_of_text(text).flow_type}, not for {flow.name}"
    return ""


def missing(spec: DeploymentSpec) -> str:
    """Return what its parameters lack to be a request; empty: a run can be asked for."""
    flow = flow_of(spec.flow)
    asked = flow.of_request(spec.parameters)
    if flow.story is None:
        return f"{flow.name} is not asked for by a request"
    if TEXT in asked:
        return ""
    try:
        flow.story.request.model_validate(asked)
    except ValidationError as error:
        lacking = [str(one["loc"][0]) for one in error.errors() if one["loc"]]
        command = f"give text: '/{flow.story.command} …'"
        return f"{command}, or {', '.join(lacking)}" if lacking else command
    return ""


def closest(value: object, valid: Iterable[str]) -> str:
    """Return what was probably meant, or all that is valid, as the end of a sentence."""
    words = list(valid)
    near = difflib.get_close_matches(str(value), words, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it is one of {', '.join(words)}" if words else ""


def said(error: Any) -> str:
    """Return what a model says of a value that it refuses."""
    given = error.get("input")
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {str(given)[:80]!r}"
