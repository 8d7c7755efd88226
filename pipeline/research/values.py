"""Values as a person types them: ranges with steps, times of day, words; and back again."""

import re
from decimal import Decimal

from pipeline.domain.errors import BadRequestError

MAX_VALUES = 500
Value = str | int | float | bool | None

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)")
_RANGE = re.compile(r"(?P<first>[^/]+?)\.\.(?P<last>[^/]+?)(?:/(?P<step>.+))?")
_PLAIN: dict[str, Value] = {"true": True, "on": True, "false": False, "off": False}
_PLAIN |= dict.fromkeys(("none", "null", "~"))


def value_text(value: Value) -> str:
    """Return a value as it is typed in a command."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def read_values(name: str, part: str, whole: str) -> list[Value]:
    """Return the values of `a..b/step`, or the one value written."""
    spanned = _RANGE.fullmatch(part)
    if spanned is None:
        return [_value(part)]
    first, last, step = (spanned[k] for k in ("first", "last", "step"))
    if step is None:
        raise BadRequestError(
            f"{name}={whole}: say in which steps, {name}={first}..{last}/STEP.",
            field=name, value=whole,
        )  # fmt: skip
    clocks = [CLOCK.fullmatch(w) for w in (first, last)]
    if all(clocks) and step.isdigit() and int(step):
        low, high = (int(c[1]) * 60 + int(c[2]) for c in clocks if c is not None)
        found: list[Value] = [
            f"{m // 60:02d}:{m % 60:02d}" for m in range(low, high + 1, int(step))
        ]
    elif all(_NUMBER.fullmatch(w) for w in (first, last, step)) and _decimal(step) > 0:
        found = _numbers(*(_decimal(w) for w in (first, last, step)))
    else:
        raise BadRequestError(
            f"{name}={whole}: a range is FIRST..LAST/STEP in numbers, as 0.1..0.5/0.1, "
            "or times and minutes, as 09:00..11:00/30.",
            field=name, value=whole, closest=(f"{name}=0.1..0.5/0.1",),
        )  # fmt: skip
    if not found:
        raise BadRequestError(
            f"{name}={whole}: {first} is above {last}.",
            field=name, value=whole, closest=(f"{name}={last}..{first}/{step}",),
        )  # fmt: skip
    return found


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _numbers(first: Decimal, last: Decimal, step: Decimal) -> list[Value]:
    """Return the steps as the file would write them: 0.3, not 0.30000000000000004."""
    count = min(int((last - first) / step), MAX_VALUES) + 1 if last >= first else 0
    steps = [first + step * i for i in range(count)]
    whole = all(s == s.to_integral_value() for s in steps)
    return [int(s) if whole else float(s) for s in steps]


def _value(text: str) -> Value:
    """Return one value as a setup file would read it."""
    plain = text.strip().lower()
    if plain in _PLAIN:
        return _PLAIN[plain]
    if _NUMBER.fullmatch(plain):
        number = _decimal(plain)
        return int(number) if "." not in plain and "," not in plain else float(number)
    clock = CLOCK.fullmatch(plain)
    return f"{int(clock[1]):02d}:{clock[2]}" if clock else text.strip()
