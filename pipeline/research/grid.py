"""A grid of a setup's variants: parameters with their values, read from what a person typed."""

import itertools
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.research.template import Template
from pipeline.research.values import CLOCK, MAX_VALUES, Value, read_values, value_text
from pipeline.research.words import Word, find_word, short_name
from pipeline.setups.rules import SetupSpec

MAX_VARIANTS = 5000
"""More trials than this tell nothing: the best of 5,000 coin tossers looks like a genius."""
MAX_PARAMETERS = 6


class Dimension(BaseModel):
    """One parameter and its values, in the order given; `ordered` where near values are alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str
    values: tuple[Value, ...]
    ordered: bool
    depth: int = 0
    kind: Literal["value", "use", "variant"] = "value"

    def label(self, position: int) -> str:
        """Return a value as people write it."""
        return value_text(self.values[position])


class Grid(BaseModel):
    """Every combination of some parameters' values; variant 0 has the first value of each.

    The last parameter varies fastest. No parameters make one variant: the setup as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: tuple[Dimension, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each parameter has."""
        return tuple(len(d.values) for d in self.dimensions)

    @property
    def size(self) -> int:
        """How many variants there are."""
        n = 1
        for d in self.dimensions:
            n *= len(d.values)
        return n

    def cell(self, index: int) -> tuple[int, ...]:
        """Return the position of a variant's value on each parameter."""
        cell = []
        for n in reversed(self.shape):
            index, position = divmod(index, n)
            cell.append(position)
        return tuple(reversed(cell))

    def index(self, cell: Sequence[int]) -> int:
        """Return the number of the variant in a cell."""
        index = 0
        for position, n in zip(cell, self.shape, strict=True):
            index = index * n + position
        return index

    def values(self, index: int) -> dict[str, Value]:
        """Return a variant's values by the parameters' short names."""
        cell = self.cell(index)
        return {d.name: d.values[i] for d, i in zip(self.dimensions, cell, strict=True)}

    def spec(self, template: Template, index: int) -> SetupSpec:
        """Return the checked setup of a variant; SetupError where its values can't be together."""
        cell = self.cell(index)
        changes = {d.path: d.values[i] for d, i in zip(self.dimensions, cell, strict=True)}
        return template.variant(changes)

    def label(self, index: int) -> str:
        """Return a variant's values in one line, ready to be typed."""
        return " ".join(f"{n}={value_text(v)}" for n, v in self.values(index).items())

    def order(self) -> list[int]:
        """Return all variants so that those which share the most work follow each other."""
        by_depth = sorted(range(len(self.shape)), key=lambda d: self.dimensions[d].depth)
        found = []
        for positions in itertools.product(*(range(self.shape[d]) for d in by_depth)):
            cell = dict(zip(by_depth, positions, strict=True))
            found.append(self.index([cell[d] for d in range(len(self.shape))]))
        return found


def read_grid(asked: Sequence[tuple[str, str]], template: Template) -> Grid:
    """Return the grid of `name=values` pairs.

    Parameters
    ----------
    asked
        Names as `find_word` knows them; values `a..b/step` (numbers, or HH:MM with minutes), or
        `a|b|c` of ranges and single values, or one value.

    Raises
    ------
    BadRequestError
        Naming parameter, value and what would have been right. Each value has been tried alone;
        values that contradict each other are found when their variant is tested.
    """
    if len(asked) > MAX_PARAMETERS:
        text = f"{len(asked)} parameters are more than a sweep can show: vary {MAX_PARAMETERS}."
        raise BadRequestError(text, field="parameter", value=asked[MAX_PARAMETERS][0])
    dimensions: list[Dimension] = []
    words = [find_word(name, template.words) for name, _ in asked]
    for word, (name, text) in zip(words, asked, strict=True):
        dimension = _dimension(word, text, template)
        if any(d.path == dimension.path for d in dimensions):
            raise BadRequestError(
                f"Parameter {name!r} is given twice: join the values, "
                f"{dimension.name}={dimensions[-1].label(0)}|{dimension.label(0)}.",
                field="parameter", value=name,
            )  # fmt: skip
        dimensions.append(dimension)
    grid = Grid(dimensions=tuple(dimensions))
    if grid.size > MAX_VARIANTS:
        raise _too_many(grid)
    for dimension in grid.dimensions:
        for value in dimension.values:
            _try_alone(template, dimension, value)
    return grid


def _too_many(grid: Grid) -> BadRequestError:
    widest = max(grid.dimensions, key=lambda d: len(d.values))
    parts = " × ".join(str(n) for n in grid.shape)
    return BadRequestError(
        f"{parts} = {grid.size:,} variants; a sweep tests at most {MAX_VARIANTS:,}. "
        f"Widen the step of {widest.name}.",
        field=widest.name,
        value=f"{len(widest.values)} values",
    )


def _dimension(word: Word, text: str, template: Template) -> Dimension:
    name = short_name(word, template.words)
    if word.kind == "use":
        found: list[Value] = [_combination(v) for v in text.split("|")]
    else:
        found = [v for part in text.split("|") for v in read_values(name, part, text)]
    values = tuple(dict.fromkeys(found))
    if len(values) > MAX_VALUES:
        raise BadRequestError(
            f"{name}={text} has {len(values)} values: {MAX_VALUES} at most.",
            field=name, value=text,
        )  # fmt: skip
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    clocks = all(isinstance(v, str) and CLOCK.fullmatch(v) for v in values)
    ordered = word.kind == "value" and (numbers or clocks)
    if ordered:
        values = tuple(sorted(values))  # type: ignore[type-var]
    return Dimension(
        name=name, path=word.path, values=values, ordered=ordered, depth=word.depth,
        kind=word.kind,
    )  # fmt: skip


def _combination(text: str) -> str:
    return text.strip().lower() or "none"


def _try_alone(template: Template, dimension: Dimension, value: Value) -> None:
    name, shown = dimension.name, value_text(value)
    try:
        template.variant({dimension.path: value})
    except SetupError as error:
        why = error.user_text.partition(f"{error.field}: ")[2] or error.user_text
        raise BadRequestError(
            f"{name}={shown} can't be: {why.removeprefix('Input ')}",
            field=name, value=shown, closest=tuple(f"{name}={v}" for v in error.valid[:3]),
        ) from None  # fmt: skip
