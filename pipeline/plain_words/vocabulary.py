"""What people call things, in English and Russian: a pattern on each line, the longer before."""

import re
from typing import Final


def any_of(lines: str) -> str:
    """Return one pattern that fits any of the lines."""
    return "|".join(line.strip() for line in lines.strip().splitlines())


VERBS: Final = (
    ("live off", "live", """
        stop watching
        unwatch
        stop alerts
        (?:перестань|хватит|прекрати|не надо) следить
        не следи
    """),
    ("live on", "live", """
        watch(?:ing)?
        monitor
        keep an eye on
        alert me(?: on| about)?
        следи(?:ть)?(?: за)?
        наблюда\\w+(?: за)?
        мониторь
        присматривай(?: за)?
        сообщай(?: о| об)?
    """),
    ("live replay", "run", """
        replay
        play back
        проиграй
        реплей
    """),
    ("walkforward", "run", """
        walk[\\s-]?forward
        волк[\\s-]?форвард
    """),
    ("verify", "run", """
        verify
        prove
        докажи
        верифицируй
    """),
    ("why", "look", """
        why(?: (?:is|was|were|are|did|do))?(?: there)?(?: (?:no|not|never))?
        (?:почему|отчего)(?: не было| нет| не)?
    """),
    ("train", "run", """
        re-?train
        train
        (?:пере)?обучи(?:ть)?
        тренируй
    """),
    ("fetch", "run", """
        fetch
        download
        load
        скача(?:й|ть)
        (?:за|под)грузи(?:ть)?
    """),
    ("backtest", "run", """
        back[\\s-]?test(?:ing|ed)?
        test
        try out
        try
        simulate
        run
        check how
        how (?:would have|did|would|does|has|do)
        б[эе]к[\\s-]?тест\\w*
        (?:про)?тестир\\w+
        тест
        прогон(?:и|ите|ять)?
        прогна(?:ть|й)
        провер(?:ь|ить|ка)
        испыта(?:й|ть)
        запусти(?:ть)?
        как (?:бы )?(?:отработал\\w*|сработал\\w*|показал\\w*)(?: себя)?
    """),
    ("analyze", "run", """
        analy[sz]e
        analysis of
        outlook
        look at
        what(?:'s| is|s) (?:up |going on )?(?:with|on)
        (?:про)?анализ(?:ируй\\w*)?
        разбери
        обзор
        что (?:там |сейчас )?(?:с|по)
    """),
)  # fmt: skip
"""(command, what it is, how it is said), in the order in which they are looked for."""

SYMBOLS: Final = (
    ("EU50", """
        euro\\s?stoxx(?:\\s?50)?
        евро\\s?стокс\\w*
    """),
    ("US500", """
        s\\s?&\\s?p(?:\\s?500)?
        s and p(?:\\s?500)?
        сипи
        (?:эс\\s?энд\\s?пи|сп)(?:\\s?500)?
    """),
    ("USTEC", """
        nasdaq(?:[\\s-]?100)?
        насдак\\w*(?:[\\s-]?100)?
    """),
    ("EURUSD", """
        euro[\\s-]?(?:us[\\s-]?)?dollar
        eur\\s?usd
        евро[\\s-]?(?:к\\s)?доллар\\w*
    """),
    ("GBPUSD", """
        cable
        sterling
        pound(?:[\\s-]dollar)?
        фунт\\w*
    """),
    ("USDJPY", """
        dollar[\\s-]yen
        yen
        доллар\\w*[\\s-][йи]ен\\w*
        [йи]ен[аыуе]
    """),
    ("XAUUSD", """
        gold
        золот\\w*
    """),
    ("BTCUSD", """
        bitcoin
        биткоин\\w*
        битк\\w+
        биток
    """),
    ("GER40", """
        dax(?:[\\s-]?(?:40|30))?
        german index
        дакс\\w*(?:[\\s-]?(?:40|30))?
        немецк\\w+ индекс\\w*
    """),
    ("EURUSD", """
        euro
        евро
    """),
)  # fmt: skip
"""Ours to how it is said. Where one lies in another the longer comes first."""

PLAIN_SHORT: Final = frozenset({"dax", "btc", "ndx", "spx", "xau"})
"""Short names that are no words of a language, so they need no capitals."""

LENGTHS: Final = (
    ("M15", "fifteen[\\s-]minutes?|пятнадцатиминут\\w+"),
    ("M5", "five[\\s-]minutes?|пятиминут\\w+"),
    ("M1", "one[\\s-]minute|минутк\\w+|минутн\\w+"),
    ("H4", "four[\\s-]hours?|четырехчасов\\w+"),
    ("H1", "hourly|one[\\s-]hour|часов(?:ик|ом|ой|ые|ых|ике|ик\\w+)|часовк\\w+"),
    ("D1", "daily|дневк\\w+|дневн\\w+"),
)

STEMS: Final = {
    "франкфурт": "frankfurt", "frank": "frankfurt", "рейд": "raid", "налет": "raid",
    "ази": "asia", "asian": "asia", "свип": "sweep", "сняти": "sweep", "поглощ": "engulf",
    "engulf": "engulf", "гэп": "gap", "гап": "gap", "имбаланс": "gap", "fvg": "gap",
    "пробо": "break", "breakout": "break", "баланс": "balance", "начальн": "initial",
    "ib": "initial", "лондон": "london",
}  # fmt: skip
"""Beginnings of words to the word that stands for them in a setup's id or title."""

_SILENT = """
    a an the of on in for at with to by from and or me my us please pls can could would may i we
    want let lets do did does it its is are was were be been this that these those there now then
    so setup setups strategy strategies signal signals market chart charts symbol period data bars
    bar history model over during while using use show tell give make how what see if have had has
    performed perform performs worked work works done go going went like hey hi hello bot
    и в во на за по с со к о об от до для из у бы ли же мне нам я мы ты вы хочу хотим хотелось
    можешь можно пожалуйста плиз давай давайте как что это этот эта эти там тут сейчас теперь так
    был была было были есть сетап сетапы сетапа сетапу стратегия стратегию стратегии стратегий
    сигнал сигналы сигнала рынок рынке график графике символ период данные данных бары баров
    история историю модель себя покажи расскажи сделай посмотри посмотреть работал работала
    работает отработал привет бот индекс индексе пара паре
"""
SILENT: Final = frozenset(_SILENT.split())
"""Words that may stand in a wish without saying anything of it. No "not", "only" or "except"."""


def whole(words: str) -> re.Pattern[str]:
    """Return the pattern of words that stand alone."""
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)")
