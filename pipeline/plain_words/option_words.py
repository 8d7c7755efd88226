"""Options of a test as people say them: with a 2R target, without costs, риск 100."""

import re
from collections.abc import Callable

from pipeline.plain_words.sentence import Sentence

_N = r"(\d{1,6}(?:[.,]\d{1,4})?)"
_FOR = r"(?:\s*(?:of|at|is|в|на|=|:))?\s*"


def _value(name: str) -> Callable[[re.Match[str]], tuple[str, str]]:
    def read(found: re.Match[str]) -> tuple[str, str]:
        word = f"{name}={next(g for g in found.groups() if g).replace(',', '.')}"
        return word, word

    return read


def _fixed(*words: str) -> Callable[[re.Match[str]], tuple[str, str]]:
    said = " ".join(words)
    return lambda _: (said, said)


_NO = r"(?:no|without(?: any)?|zero|excluding|без(?: всяких)?|не считая)\s+(?:trading\s+)?"
_TARGET = r"(?:rr|r:r|risk[\s-]?reward|target|take[\s-]?profit|tp|тейк\w*|тп|цел\w+)"
_WITH = r"(?:with\s+)?(?:an?\s+)?"
_R = r"\s?(?:r|р)"
_POINTS = r"(?:\s*(?:points?|пункт\w*))?"
_MONEY = r"(?:\s*(?:[$€]|usd|eur|dollars?|euros?|доллар\w*|евро))?"
_A_TRADE = r"(?:\s+(?:per|a)\s+trade|\s+на сделку)?"
_COSTS = {
    "commission": r"(?:commissions?|комисси\w+)",
    "spread": r"(?:spread|спред\w*)",
    "slippage": r"(?:slippage|проскальзыван\w+)",
    "swap": r"(?:swaps?|свап\w*)",
}
_OFF = tuple(f"{name}=off" for name in ("spread", "slippage", "commission", "swap"))
_SAID = (
    (rf"{_NO}(?:costs?|fees|издерж\w+|расход\w+|затрат\w*)", _fixed(*_OFF)),
    *((rf"{_NO}{words}", _fixed(f"{name}=off")) for name, words in _COSTS.items()),
    (rf"{_WITH}{_TARGET}{_FOR}(?:1\s?:\s?)?{_N}(?:{_R})?", _value("rr_target")),
    (rf"{_WITH}(?:1\s?:\s?{_N}|{_N}{_R})(?:\s+{_TARGET})?", _value("rr_target")),
    *((rf"{_WITH}{words}{_FOR}{_N}{_POINTS}", _value(name)) for name, words in _COSTS.items()),
    (
        rf"(?:с риском|with risk|risking|risk|риск\w*){_FOR}[$€]?\s?{_N}{_MONEY}{_A_TRADE}",
        _value("risk"),
    ),
    (rf"{_WITH}(?:lots?|лот\w*){_FOR}{_N}|{_N}\s?(?:lots?|лот\w*)", _value("lots")),
    (
        r"(?:max(?:imum)?|at most|не более|максимум|до)\s+(\d{1,6})\s+(?:trades?|сдел\w+)",
        _value("max_trades"),
    ),
    (r"one (?:position|trade) at a time|по одной(?: позиции| сделке)?", _fixed("parallel=false")),
    (r"pessimistic(?:ally)?(?: fills?)?|пессимистич\w+", _fixed("fill=pessimistic")),
    (
        r"dry[\s-]?run|only (?:the |a )?plan|plan only|только план|без запуска",
        _fixed("dry_run=true"),
    ),
    (
        r"with (?:the |an )?(?:analyst|analysis|gpt|llm)|с (?:аналитиком|анализом|gpt)",
        _fixed("analyze_with_llm=true"),
    ),
)
_OPTIONS = tuple((re.compile(rf"(?<![\w.])(?:{words})(?!\w)"), read) for words, read in _SAID)


def take_options(sentence: Sentence) -> list[str]:
    """Take and return the options that are named, as words of a command, each option once."""
    found = [
        said for pattern, read in _OPTIONS if (said := sentence.take(pattern, "option", read))
    ]
    return list({word.partition("=")[0]: word for said in found for word in said.split()}.values())
