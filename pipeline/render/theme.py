"""The colours of every picture; the dark set is the contract's, to the digit."""

from dataclasses import dataclass

from pipeline.domain.errors import BadRequestError

Colour = str | tuple[float, float, float, float]
"""`#rrggbb`, or red, green, blue, alpha in 0–1."""


def rgba(colour: str, alpha: float) -> Colour:
    """Return `#rrggbb` made see-through."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (red, green, blue, alpha)


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours. Shades are see-through and lie behind the bars."""

    name: str
    background: str
    panel: str
    grid: str
    text: str
    muted: str
    faint: str
    up: str
    down: str
    gap: Colour
    gap_line: str
    order_block: Colour
    session: Colour
    session_line: str
    entry: str
    stop: str
    target: str
    level: str
    mark: str
    warn: str
    on_colour: str
    heat: tuple[str, ...]  # from all there to nothing there


TV_DARK = Theme(
    name="tv_dark",
    background="#131722",
    panel="#1e222d",
    grid="#363c4e",
    text="#d1d4dc",
    muted="#9598a1",
    faint="#5d606b",
    up="#26a69a",
    down="#ef5350",
    gap=(33 / 255, 150 / 255, 243 / 255, 0.3),
    gap_line="#2196f3",
    order_block=(255 / 255, 152 / 255, 0.0, 0.3),
    session=(158 / 255, 158 / 255, 158 / 255, 0.2),
    session_line="#9e9e9e",
    entry="#43a047",
    stop="#ef5350",
    target="#26a69a",
    level="#ffd54f",
    mark="#ff9800",
    warn="#ffb300",
    on_colour="#ffffff",
    heat=("#26a69a", "#1d665f", "#fdd835", "#fb8c00", "#d32f2f"),
)

TV_LIGHT = Theme(
    name="tv_light",
    background="#ffffff",
    panel="#f0f3fa",
    grid="#e0e3eb",
    text="#131722",
    muted="#5d606b",
    faint="#9598a1",
    up="#26a69a",
    down="#ef5350",
    gap=(33 / 255, 150 / 255, 243 / 255, 0.3),
    gap_line="#1976d2",
    order_block=(255 / 255, 152 / 255, 0.0, 0.3),
    session=(158 / 255, 158 / 255, 158 / 255, 0.2),
    session_line="#757575",
    entry="#2e7d32",
    stop="#e53935",
    target="#00897b",
    level="#b26a00",
    mark="#e65100",
    warn="#e65100",
    on_colour="#ffffff",
    heat=("#26a69a", "#9bd6d0", "#fdd835", "#fb8c00", "#d32f2f"),
)

THEMES = {theme.name: theme for theme in (TV_DARK, TV_LIGHT)}


def theme_named(name: str) -> Theme:
    """Return the theme, or say which there are.

    Raises
    ------
    BadRequestError
        No theme has that name.
    """
    if name not in THEMES:
        raise BadRequestError(
            f"There is no chart theme {name!r}; there are {', '.join(THEMES)}.",
            field="theme",
            value=name,
            closest=tuple(THEMES),
        )
    return THEMES[name]
