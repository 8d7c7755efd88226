"""Months, seasons and numbers as words, in English and Russian; arithmetic of calendar months."""

import calendar
import re
from datetime import date

_EN = (
    "jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?",
    "aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?",
)  # fmt: skip
_RU = (
    "январ[ьяе]", "феврал[ьяе]", "март[ае]?", "апрел[ьяе]", "ма[йяе]", "июн[ьяе]", "июл[ьяе]",
    "август[ае]?", "сентябр[ьяе]", "октябр[ьяе]", "ноябр[ьяе]", "декабр[ьяе]",
)  # fmt: skip
MONTH = "|".join((*_EN, *_RU))
_MONTHS = [re.compile(f"{en}|{ru}") for en, ru in zip(_EN, _RU, strict=True)]

SPRING, SUMMER, AUTUMN, WINTER = 3, 6, 9, 12
SEASON = (
    "spring|summer|autumn|fall|winter|"
    "весн(?:а|ой|у|ы|е)|лет(?:о|ом|а|у)|осен(?:ь|ью|и)|зим(?:а|ой|у|ы|е)"
)
_SEASONS = (
    ("spring", SPRING), ("весн", SPRING), ("summer", SUMMER), ("лет", SUMMER),
    ("autumn", AUTUMN), ("fall", AUTUMN), ("осен", AUTUMN), ("winter", WINTER), ("зим", WINTER),
)  # fmt: skip

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "couple of": 2,
    "один": 1, "одну": 1, "два": 2, "две": 2, "пару": 2, "три": 3, "четыре": 4, "пять": 5,
    "шесть": 6, "семь": 7, "восемь": 8, "девять": 9, "десять": 10, "двенадцать": 12,
}  # fmt: skip
NUMBER = r"\d{1,4}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))
_QUARTERS = {
    "1": 1, "2": 2, "3": 3, "4": 4, "first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4,
    "перв": 1, "втор": 2, "трет": 3, "четверт": 4,
}  # fmt: skip
ORDINAL = (
    "first|second|third|fourth|1st|2nd|3rd|4th|[1-4]|"
    "перв(?:ый|ое|ом|ого|ая|ой|ую)|втор(?:ой|ое|ом|ого|ая|ую)|трет(?:ий|ье|ьем|ьего)|четверт(?:ый|ом|ого)"
)


def month_named(word: str) -> int:
    """Return a month's number, 1–12."""
    return next(n for n, pattern in enumerate(_MONTHS, 1) if pattern.fullmatch(word))


def season_named(word: str) -> int:
    """Return the first month of a season."""
    return next(month for stem, month in _SEASONS if word.startswith(stem))


def number_named(word: str) -> int:
    """Return the number that digits or a word say."""
    return int(word) if word.isdigit() else _NUMBERS[word]


def ordinal_named(word: str) -> int:
    """Return 1–4 for first to fourth."""
    return next(number for stem, number in _QUARTERS.items() if word.startswith(stem))


def month_of(year: int, month: int, months: int = 1) -> tuple[date, date]:
    """Return the first and last day of `months` calendar months from one on."""
    last = date(year, month, 1)
    if months > 1:
        last = moved(last, months - 1)
    return date(year, month, 1), last.replace(day=calendar.monthrange(last.year, last.month)[1])


def moved(day: date, months: int) -> date:
    """Return the day so many calendar months later; a shorter month's last day at most."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
