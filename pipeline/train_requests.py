"""A training asked for in JSON: the contract's fields, or START's, and what is wrong with them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.command_words import KnownWords, closest_words
from pipeline.domain.errors import BadRequestError
from pipeline.domain.training import Hyperparams, TrainingData, TrainRequest
from pipeline.training_query import query_of, taken_over
from pipeline.weekly_time import WeeklyTime

FLOW_TYPE = "train_model_flow"
_MODEL_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OF_START = {
    "symbol": "symbols", "setup_id": "setups", "timeframe": "timeframes", "start": "start",
    "end": "end",
}  # fmt: skip


def known_setup(word: str, known: KnownWords) -> str:
    """Return the id of the setup that a word names, or refuse it with the closest ones."""
    found = known.setup(word)
    if found is not None:
        return found.setup_id
    ids = tuple(setup.setup_id for setup in known.setups)
    near = closest_words(word, ids) or ids[:3]
    hint = f": did you mean {near[0]}?" if near else "."
    raise BadRequestError(
        f"unknown setup {word!r}{hint}", field="setup_id", value=word, closest=near,
        corrected=f"/train setup={near[0]}" if near else "",
    )  # fmt: skip


def known_symbol(word: str, known: KnownWords) -> str:
    """Return the symbol that a word names, or refuse it with the closest ones."""
    found = known.symbol(word)
    if found is not None:
        return found
    near = closest_words(word, (*known.symbols, *known.aliases)) or known.symbols[:3]
    named = tuple(dict.fromkeys(known.symbol(name) or name for name in near))
    raise BadRequestError(
        f"unknown symbol {word!r}{f': did you mean {named[0]}?' if named else '.'}",
        field="symbol", value=word, closest=named,
        corrected=f"/train symbol={named[0]}" if named else "",
    )  # fmt: skip


def parse_train_json(text: str, known: KnownWords) -> TrainRequest:
    """Return the training that a script's JSON asks for, field for field as the contract has it.

    Raises
    ------
    BadRequestError
        Naming the field, its value and what would be right.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(
            f"This is no JSON: {error}.", field="text", value=text[:80], corrected="/train"
        ) from error
    request = checked_request(request_of(raw))
    data = request.training_data
    named = {
        "setups": tuple(known_setup(word, known) for word in data.setups),
        "symbols": tuple(known_symbol(word, known) for word in data.symbols),
    }
    chosen = data.model_copy(update=named)
    chosen = chosen.model_copy(update={"query": query_of(chosen)})
    return request.model_copy(update={"training_data": chosen})


def request_of(raw: Mapping[str, Any]) -> TrainRequest:
    """Return the request of parsed JSON: the contract's of training, or START's with mode train.

    Raises
    ------
    BadRequestError
        Naming the first field that is wrong.
    """
    fields = dict(raw)
    flow_type = fields.pop("flow_type", FLOW_TYPE)
    if flow_type != FLOW_TYPE:
        raise BadRequestError(
            f"flow_type is {flow_type!r}; a training's is {FLOW_TYPE}.",
            field="flow_type", value=str(flow_type), closest=(FLOW_TYPE,),
        )  # fmt: skip
    given = fields.get("training_data")
    data = dict(given) if isinstance(given, dict) else {}
    _take_over(fields, data)
    try:
        return TrainRequest.model_validate({**fields, "training_data": data or given or {}})
    except ValidationError as error:
        raise _refusal(error) from error


def _take_over(fields: dict[str, Any], data: dict[str, Any]) -> None:
    """Move what START's request says of symbol, setup, period and options to where it belongs."""
    options = fields.pop("options", None) or {}
    if not isinstance(options, dict):
        raise BadRequestError(
            f"options is {options!r}; it holds dry_run.", field="options", value=str(options),
            closest=('{"dry_run": true}',),
        )  # fmt: skip
    if unknown := [name for name in options if name != "dry_run"]:
        raise BadRequestError(
            f"A training has no option {unknown[0]!r}; it has dry_run.",
            field=f"options.{unknown[0]}", value=str(unknown[0]), closest=("dry_run",),
        )  # fmt: skip
    own: list[tuple[dict[str, Any], str, Any]] = [
        (fields, "dry_run", options.get("dry_run")),
        *((data, there, fields.pop(name, None)) for name, there in _OF_START.items()),
    ]
    for where, name, value in own:
        said = [value] if name in ("symbols", "setups", "timeframes") else value
        if value is not None and where.setdefault(name, said) != said:
            raise BadRequestError(
                f"{name} is said twice: {where[name]!r} and {said!r}.",
                field=name, value=str(value), closest=(str(where[name]),),
            )  # fmt: skip


def _refusal(error: ValidationError) -> BadRequestError:
    """Return the first thing wrong, with the names or bounds that would be right."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    name = ".".join(where) or "an empty name"
    if first["type"] != "extra_forbidden":
        return BadRequestError(
            f"{name} = {first['input']!r}: {first['msg'].lower()}.",
            field=name, value=str(first["input"])[:80],
        )  # fmt: skip
    parts: dict[str, type[BaseModel]] = {
        "training_data": TrainingData, "hyperparams": Hyperparams,
    }  # fmt: skip
    model = parts.get(where[0], TrainRequest)
    valid = tuple(model.model_fields)
    near = closest_words(where[-1], valid)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(valid)}."
    return BadRequestError(
        f"A training has no {name}: {hint}", field=name, value=where[-1], closest=near or valid
    )


def checked_request(request: TrainRequest) -> TrainRequest:
    """Return the request with its query taken over; BadRequestError where it can't be trained."""
    if not _MODEL_ID.fullmatch(request.model_type):
        raise BadRequestError(
            f"model_type {request.model_type!r}: small letters, digits and _ only.",
            field="model_type", value=request.model_type, closest=("signal_classifier",),
        )  # fmt: skip
    if request.dry_run:
        raise BadRequestError(
            "A training has no dry run. It is safe to try: a model comes into use only if it is "
            "better, and one tap rolls back.",
            field="dry_run", value="true", closest=("false",), corrected="/train",
        )  # fmt: skip
    if request.schedule != "off":
        WeeklyTime.parse(request.schedule)
    return request.model_copy(update={"training_data": taken_over(request.training_data)})
