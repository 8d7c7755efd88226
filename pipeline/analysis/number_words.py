"""Numbers said in words, English and Russian, and the words that only count reasons."""

import re
from typing import Final

_EN: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "dozen": 12, "thousand": 1000, "twice": 2, "thrice": 3,
}  # fmt: skip
_RU: Final = {
    "два": 2, "две": 2, "двух": 2, "двумя": 2, "двум": 2, "три": 3, "трёх": 3,
    "трех": 3, "тремя": 3, "четыре": 4, "четырёх": 4, "четырех": 4, "пять": 5, "пяти": 5,
    "шесть": 6, "шести": 6, "семь": 7, "семи": 7, "восемь": 8, "восьми": 8, "девять": 9,
    "девяти": 9, "десять": 10, "десяти": 10, "одиннадцать": 11, "двенадцать": 12,
    "тринадцать": 13, "четырнадцать": 14, "пятнадцать": 15, "шестнадцать": 16,
    "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19, "двадцать": 20, "двадцати": 20,
    "тридцать": 30, "сорок": 40, "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70,
    "восемьдесят": 80, "девяносто": 90, "сто": 100, "дважды": 2, "трижды": 3, "тысяча": 1000,
}  # fmt: skip
WORDS: Final[dict[str, int]] = {**_EN, **_RU}
"""What a word counts. "One" and "zero" are left out: they mostly count nothing."""

_UNITS: Final = "one|один two|два|две three|три four|четыре five|пять six|шесть seven|семь eight|восемь nine|девять"  # noqa: E501
_UNIT_VALUES: Final = {
    word: value for value, words in enumerate(_UNITS.split(), 1) for word in words.split("|")
}
_TENS: Final = [word for word, value in WORDS.items() if 20 <= value <= 90 and value % 10 == 0]  # noqa: PLR2004
COMPOUND: Final = re.compile(
    rf"\b({'|'.join(_TENS)})[- ]({'|'.join(_UNIT_VALUES)})\b", re.IGNORECASE
)
WORD: Final = re.compile(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\b", re.IGNORECASE)

FRACTIONS: Final[tuple[tuple[re.Pattern[str], float], ...]] = tuple(
    (re.compile(words, re.IGNORECASE), value)
    for words, value in (
        (r"\btwo[- ]thirds\b|\bдве трети\b|\bдвух третей\b", 2 / 3),
        (r"\b(?:one|a)[- ]third of\b|\bтреть\b", 1 / 3),
        (r"\bthree[- ]quarters\b|\bтри четверти\b", 0.75),
        (r"\b(?:a|one) quarter of\b|\bчетверть\b", 0.25),
        (r"(?<!first )(?<!second )(?<!other )\bhalf (?:of|the)\b|\bполовин[аыу]\b", 0.5),
        (r"\b(?:a|one) tenth of\b", 0.1),
    )
)
"""Shares said in words, and what they are; they are rough, so a fact near them will do."""

_COUNTED: Final = (
    r"(?:main |key |important |more |other |further |clear |separate |главн\w+ |ключев\w+ |"
    r"основн\w+ )*(?:reasons?|risks?|things?|factors?|ways?|sides?|scenarios?|conditions?|"
    r"questions?|arguments?|observations?|caveats?|причин\w*|риск\w*|фактор\w*|вещ\w*|сценари\w*|"
    r"услови\w*|сторон\w*|довод\w*|вопрос\w*|момент\w*)\b"
)
STRUCTURAL: Final = re.compile(
    r"(?<![\w.,])(?:[1-5]|two|three|four|five|два|две|двух|три|трёх|трех|четыре|пять|пяти) "
    rf"{_COUNTED}",
    re.IGNORECASE,
)
"""Counts of what the text itself lists: "two main risks"."""
BASELINE: Final = re.compile(
    r"\b(?:above|below|over|under|than|holds?|includes?|contains?|cross\w*|around|near|from|to|"
    r"выше|ниже|от|больше|меньше|около|включает|содержит|нул\w*) 0(?![\d%]|[.,]\d|\s?\w)",
    re.IGNORECASE,
)
"""Zero as what a result is held against, not as a count."""
LISTED: Final = re.compile(r"(?:(?<=^)|(?<=\n))\s*\(?\d{1,2}[.)]\s+")
"""A number that only numbers a list."""

MONTHS: Final[dict[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            "january jan января январь январе", "february feb февраля февраль феврале",
            "march mar марта март марте", "april apr апреля апрель апреле",
            "may мая май мае", "june jun июня июнь июне", "july jul июля июль июле",
            "august aug августа август августе",
            "september sep sept сентября сентябрь сентябре",
            "october oct октября октябрь октябре", "november nov ноября ноябрь ноябре",
            "december dec декабря декабрь декабре",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip


def compound(match: re.Match[str]) -> int:
    """Return what two words like "twenty-one" count together."""
    tens, unit = match.group(1).lower(), match.group(2).lower()
    return WORDS[tens] + _UNIT_VALUES[unit]
