"""Templates: a deployment in one line, with its few choices as `key=value`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flows.deployed_flows import TEXT
from flows.deployment_checks import closest
from pipeline.domain.deployment import DeploymentSpec
from pipeline.domain.errors import BadRequestError

_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}")
Options = Mapping[str, str]


@dataclass(frozen=True)
class Template:
    """One template.

    Parameters
    ----------
    line
        What it makes, in one line.
    options
        Name to default; None: it must be given.
    fields
        Options to the fields of the deployment.
    """

    line: str
    options: Mapping[str, str | None]
    fields: Callable[[Options], dict[str, Any]]


def make_spec(name: str, template: str, given: Options) -> DeploymentSpec:
    """Return the deployment that a template and its options make.

    Raises
    ------
    BadRequestError
        Unknown template or option (the closest is named), one missing, or a value that is none.
    """
    if _NAME.fullmatch(name) is None:
        text = f"'{name}' is no name: up to 60 letters, digits, and _ . - between them."
        raise BadRequestError(text, field="name", value=name)
    found = TEMPLATES.get(template)
    if found is None:
        text = f"unknown template '{template}'" + closest(template, TEMPLATES)
        raise BadRequestError(text, field="template", value=template, closest=tuple(TEMPLATES))
    for option in given:
        if option not in found.options:
            text = f"{template} has no option '{option}'" + closest(option, found.options)
            raise BadRequestError(text, field=option, value=given[option])
    lacking = [o for o, d in found.options.items() if d is None and not given.get(o)]
    if lacking:
        text = f"{template} needs {', '.join(f'{option}=…' for option in lacking)}."
        raise BadRequestError(text, field=lacking[0])
    values = {
        option: given.get(option) or default or "" for option, default in found.options.items()
    }
    return DeploymentSpec(name=name, **found.fields(values))


def read_options(words: list[str]) -> dict[str, str]:
    """Read `key=value` words; a word without `=` belongs to the value before it."""
    found: dict[str, str] = {}
    last = ""
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            last = key.strip().lower()
            found[last] = value.strip()
        elif last:
            found[last] = f"{found[last]} {word}"
        else:
            text = f"'{word}' is no option; options are written key=value."
            raise BadRequestError(text, field="option", value=word)
    return found


def _nightly_backtest(options: Options) -> dict[str, Any]:
    words = (options[one] for one in ("setup", "symbol", "timeframe", "period"))
    return {
        "flow": "flows.backtest_flow",
        "schedule": f"{_clock(options['at'])} * * {options['days']}",
        "timezone": options["zone"] or None,
        "work_pool": "local_pool",
        "tags": ("backtest", "nightly"),
        "parameters": {TEXT: " ".join(["/backtest", *filter(None, words)])},
    }


def _live_watch(options: Options) -> dict[str, Any]:
    setups = [one for one in re.split(r"[,\s]+", options["setups"]) if one]
    return {
        "flow": "flows.live_scan_flow",
        "schedule": "*/1 * * * *",
        "work_pool": "live_pool",
        "tags": ("live", "watch"),
        "parameters": {"active_setups": setups},
    }


def _weekly_train(options: Options) -> dict[str, Any]:
    chosen = [
        f"{one}={options[one]}" for one in ("setup", "symbol", "min_samples") if options[one]
    ]
    return {
        "flow": "flows.train_model_flow",
        "schedule": f"{_clock(options['at'])} * * {options['day'][:3].lower()}",
        "timezone": options["zone"] or None,
        "work_pool": "training_pool",
        "tags": ("ml", "training", "weekly"),
        "parameters": {TEXT: " ".join(["/train", *chosen])},
    }


def _ingest(options: Options) -> dict[str, Any]:
    return {
        "flow": "flows.data_collection",
        "schedule": f"{_clock(options['at'])} * * {options['on']}",
        "timezone": options["zone"] or None,
        "work_pool": "ingestion_pool",
        "tags": ("ingestion",),
        "parameters": {TEXT: f"/collect {options['market']} days={options['days']}"},
    }


def _clock(words: str) -> str:
    match = _AT.fullmatch(words)
    if match is None:
        text = f"'{words}' is no time of day; write 22:30."
        raise BadRequestError(text, field="at", value=words)
    return f"{int(match.group(2))} {int(match.group(1))}"


TEMPLATES: Mapping[str, Template] = MappingProxyType({
    "nightly_backtest": Template(
        "a backtest of the last days, every weekday at night",
        {"setup": None, "symbol": None, "timeframe": "", "period": "last 30d", "at": "22:30",
         "days": "mon-fri", "zone": ""},
        _nightly_backtest,
    ),
    "live_watch": Template(
        "live scans of the named setups alone", {"setups": None}, _live_watch
    ),
    "weekly_train": Template(
        "a training each week",
        {"day": "sunday", "at": "03:00", "setup": "", "symbol": "", "min_samples": "", "zone": ""},
        _weekly_train,
    ),
    "ingest": Template(
        "new bars of an exchange's market, each day",
        {"market": None, "days": "30", "at": "06:00", "on": "*", "zone": ""},
        _ingest,
    ),
})  # fmt: skip
