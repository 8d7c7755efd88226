"""What the bot says of plain words, in the language of the sentence: English or Russian."""

from collections.abc import Mapping
from typing import Final

EN: Final[Mapping[str, str]] = {
    "confirm": "I read this as",
    "analyst": "The analyst reads this as",
    "send": "I read this as; tap to copy, then send it:",
    "which": "Which of these do you mean?",
    "unread": "Not understood, and left out:",
    "setup": "setup",
    "symbol": "symbol",
    "timeframe": "timeframe",
    "period": "period",
    "option": "option",
    "run": "Run it",
    "live": "Do it",
    "missing": "I read this as far as",
}
RU: Final[Mapping[str, str]] = {
    "confirm": "Я понял так",
    "analyst": "Аналитик понял так",
    "send": "Я понял так; нажмите, чтобы скопировать, и отправьте:",
    "which": "Что из этого имеется в виду?",
    "unread": "Не понято и не учтено:",
    "setup": "сетап",
    "symbol": "символ",
    "timeframe": "таймфрейм",
    "period": "период",
    "option": "опция",
    "run": "Запустить",
    "live": "Сделать",
    "missing": "Пока я понял так",
}
LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": EN, "ru": RU}
