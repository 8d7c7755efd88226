"""Common questions over trades, read by rules in English and Russian, without an analyst."""

import re
from dataclasses import dataclass
from typing import Any, Final

from pipeline.analysis.trade_query import TradeQuery, TradeQuestions

FORMS: Final = (
    "by weekday", "by hour", "by month", "by side", "by session", "by exit reason",
    "best hour", "worst 5 trades", "how many shorts on Monday", "win rate of longs in London",
    "longest losing run", "drawdown", "why so few trades",
)  # fmt: skip
"""Forms that work without an analyst; the same in Russian: по дням недели, лучший час …"""
_MOST: Final = 50
_FUNNEL: Final = re.compile(
    r"\bwhy\b.*\b(?:no|few|not|any|less|only)\b|\bпочему\b.*(?:нет|мало|не было|так)"
)
_GROUPS: Final = (
    ("weekday", (r"weekdays?|days? of (?:the )?week|which days?(?: of (?:the )?week)?|"
                r"дн(?:ям|и|ях) недели|"
                r"дн(?:ю|ей|ень) недели|как(?:ой|ие|им) д(?:ень|ни|ням)")),
    ("hour", r"hours?|time of day|час(?:ам|ы|у)?|времени суток|как(?:ое|ой) (?:время|час)"),
    ("month", r"months?|monthly|месяц(?:ам|ы|у|ев)?"),
    ("year", r"years?|yearly|год(?:ам|у|ы)"),
    ("side", (r"sides?|directions?|longs? (?:vs|versus|or|and) shorts?|"
             r"сторон(?:ам|ы|е)|направлени(?:ям|ю|я)|лонг\w* (?:или|и|против) шорт\w*")),
    ("exit_reason", r"exit reasons?|exits?|reasons?|причин(?:ам|ы|е)(?: выхода)?|выход(?:ам|у)"),
    ("session", r"sessions?|сесси(?:ям|и|ю|я)"),
)  # fmt: skip
_FIGURES: Final = (
    ("win_rate", r"win ?rates?|hit ?rate|винрейт\w*|процент\w* (?:побед|выигр\w+)"),
    ("expectancy", r"expectanc\w+|average r|mean r|мат\w*ожидани\w+|ожидани\w+|средн\w+ r"),
    ("profit_factor", r"profit ?factor|pf|профит[- ]?фактор\w*"),
    ("drawdown", r"draw ?downs?|просадк\w+"),
    ("longest_losing_run", r"(?:longest )?losing (?:run|streak)s?|сери\w+ (?:убыт\w+|лосс\w+)"),
    ("total_r", r"total(?: r)?|sum|earned|made|итог\w*|всего|заработ\w+|сумм\w+"),
    ("count", r"how many|number of|count|сколько|количество|число"),
)  # fmt: skip
_DAYS: Final = (
    ("Mon", r"mon(?:days?)?|понедельник\w*"), ("Tue", r"tue(?:s|sdays?)?|вторник\w*"),
    ("Wed", r"wed(?:s|nesdays?)?|сред(?:а|у|ы|ам)"), ("Thu", r"thu(?:rs|rsdays?)?|четверг\w*"),
    ("Fri", r"fri(?:days?)?|пятниц\w*"), ("Sat", r"sat(?:urdays?)?|суббот\w*"),
    ("Sun", r"sun(?:days?)?|воскресень\w*"),
)  # fmt: skip
_MONTHS: Final = (
    r"jan(?:uary)?|январ\w", r"feb(?:ruary)?|феврал\w", r"mar(?:ch)?|март\w?",
    r"apr(?:il)?|апрел\w", r"may|ма[йяе]", r"june?|июн\w", r"july?|июл\w",
    r"aug(?:ust)?|август\w?", r"sep(?:t|tember)?|сентябр\w", r"oct(?:ober)?|октябр\w",
    r"nov(?:ember)?|ноябр\w", r"dec(?:ember)?|декабр\w",
)  # fmt: skip
_EXITS: Final = (
    ("SL", r"stop(?:ped(?: out)?|s| loss(?:es)?)?|sl|по стоп\w*|стоп\w*"),
    ("TP", r"targets?|take[- ]?profits?|tp|по тейк\w*|тейк\w*|по цел\w+"),
    ("BE", r"break[- ]?evens?|be|безубыт\w+"), ("TIME", r"time ?outs?|time exits?|по времени"),
    ("SESSION_END", r"session ends?|end of (?:the )?session|конц\w сессии"),
)  # fmt: skip
_SESSIONS: Final = (
    ("asia", r"asian?|ази\w+"), ("frankfurt", r"frankfurt|франкфурт\w*"),
    ("london", r"london|лондон\w*"), ("new_york_cash", r"new york(?: cash)?|ny|нью[- ]?йорк\w*"),
)  # fmt: skip
_SIDES: Final = (
    ("long", r"longs?|buys?|лонг\w*|покуп\w+"), ("short", r"shorts?|sells?|шорт\w*|продаж\w*"),
)  # fmt: skip
_OUTCOMES: Final = (
    ("win", r"winners?|winning|wins|won|выигр\w+|прибыльн\w+|плюсов\w+"),
    ("loss", r"losers?|losing|losses|lost|убыточн\w+|проигр\w+|минусов\w+"),
)  # fmt: skip
_BEST: Final = r"best|top|highest|most profitable|лучш\w+|сам\w+ прибыльн\w+|топ"
_WORST: Final = r"worst|bottom|lowest|худш\w+|сам\w+ убыточн\w+"
_TRADES: Final = r"trades?|сделк\w+|сделок"
_FILLERS: Final = re.compile(
    r"\b(?:the|a|an|of|on|in|at|by|per|for|with|to|is|are|was|were|did|do|does|i|me|my|show|what|"
    r"which|when|give|how|there|and|its|this|run|each|every|trade|trades|please|r|it|from|than|"
    r"all|only|had|have|hour|day|split|на|в|во|по|с|со|из|за|для|и|какой|какая|какие|какое|каков|"
    r"был|была|были|было|покажи|мне|у|меня|это|этот|этого|сделка|сделки|сделок|сделкам|час|день|"
    r"что|где|когда|прогон|прогона)\b"
)


@dataclass(frozen=True)
class ReadQuestion:
    """What rules made of a question; `unread` are words that nothing was made of."""

    asked: TradeQuestions
    unread: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing was understood."""
        return not self.asked.queries and not self.asked.funnel


def read_question(text: str) -> ReadQuestion:
    """Return what a question asks by the rules, and which of its words they don't know."""
    plain = " ".join(re.sub(r"[?!.,;:\"'«»()]", " ", text.lower().replace("ё", "е")).split())
    if _FUNNEL.search(plain):
        return ReadQuestion(TradeQuestions(queries=(), funnel=True), ())
    sheet = _Sheet(plain)
    query = _query(sheet)
    unread = tuple(_FILLERS.sub(" ", sheet.text).split())
    queries = () if query is None else (query,)
    return ReadQuestion(TradeQuestions(queries=queries), unread)


class _Sheet:
    """A question from which words are taken as they are understood."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: str) -> re.Match[str] | None:
        found = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", self.text)
        if found is not None:
            blank = " " * (found.end() - found.start())
            self.text = f"{self.text[: found.start()]}{blank}{self.text[found.end() :]}"
        return found

    def all_of(self, table: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
        return tuple(word for word, pattern in table if self.take(pattern))


def _query(sheet: _Sheet) -> TradeQuery | None:
    """Return the query of what is said, or None if nothing was recognised."""
    said: dict[str, Any] = {}
    order, top, trades = _order(sheet)
    said["figures"] = sheet.all_of(_FIGURES)
    group = next((name for name, pattern in _GROUPS if sheet.take(_grouping(pattern, order))), "")
    said["exit_reasons"] = sheet.all_of(_EXITS)
    said["weekdays"], said["sides"] = sheet.all_of(_DAYS), sheet.all_of(_SIDES)
    said["sessions"] = sheet.all_of(_SESSIONS)
    said["months"] = tuple(n for n, pattern in enumerate(_MONTHS, 1) if sheet.take(pattern))
    said["hours"], said["years"] = _hours(sheet), _years(sheet)
    said = {name: value for name, value in said.items() if value}
    outcome = next((word for word, pattern in _OUTCOMES if sheet.take(pattern)), "")
    said |= {"outcome": outcome} if outcome else {}
    if group:
        said["group_by"] = group
    if order and (group or trades):
        said |= {"order": order, "top": top or (5 if trades and not group else None)}
        said |= {"rows": "trades"} if trades and not group else {}
    return TradeQuery.model_validate(said) if said else None


def _grouping(pattern: str, order: str) -> str:
    """Return how a group is asked for: `by hour`, `which hour`; after best or worst bare."""
    if order:
        return pattern
    return rf"(?:by|per|each|every|which|what|по|на|в|как\w+)(?: the)? (?:{pattern})|(?:{pattern})"


def _order(sheet: _Sheet) -> tuple[str, int | None, bool]:
    """Return best or worst, how many, and whether single trades are meant."""
    for order, words in (("best", _BEST), ("worst", _WORST)):
        found = sheet.take(rf"(?:{words})(?: (?P<n>\d{{1,2}}))?(?P<trades> (?:{_TRADES}))?")
        found = found or sheet.take(rf"(?P<n>\d{{1,2}}) (?:{words})(?P<trades> (?:{_TRADES}))?")
        if found is not None:
            number = found["n"] or (
                "1" if found["trades"] and found["trades"].endswith("e") else ""
            )
            return (
                order,
                min(max(int(number), 1), _MOST) if number else None,
                bool(found["trades"]),
            )
    return "", None, False


def _hours(sheet: _Sheet) -> tuple[int, ...]:
    found = sheet.take(r"(?:at|after|в|около) (?P<h>[01]?\d|2[0-3])(?: 00|h|(?= |$))")
    return (int(found["h"]),) if found else ()


def _years(sheet: _Sheet) -> tuple[int, ...]:
    found = sheet.take(r"(?P<y>(?:19|20)\d\d)")
    return (int(found["y"]),) if found else ()
