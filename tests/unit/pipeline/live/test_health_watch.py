from datetime import UTC, datetime, timedelta

from pipeline.live.health import HealthLine, Light
from pipeline.live.health_watch import FLAPS, STEADY, HealthBook, advance

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD = HealthLine("Prefect", Light.GREEN, "answers in 9 ms")
BAD = HealthLine("Prefect", Light.RED, "doesn't answer", down=True)


def looked(lines, book=None, start=NOW, every=MINUTE):
    """What is told over looks at these lines, a look each minute."""
    book, told = book or HealthBook(), []
    for number, line in enumerate(lines):
        # the book outlives a restart as JSON
        book = HealthBook.model_validate_json(book.model_dump_json())
        book, news = advance(book, [line], start + number * every)
        told += [each.text for each in news]
    return book, told


def test_bad_is_told_once_and_well_again_once_with_how_long():
    _, told = looked([GOOD, BAD, BAD, BAD, BAD, GOOD, GOOD, GOOD])
    assert told == [
        "🔴 Prefect: doesn't answer",
        "🟢 Prefect is well again after 4 min: answers in 9 ms",
    ]


def test_a_hiccup_is_nobodys_news_and_amber_neither():
    assert looked([GOOD, BAD, GOOD, BAD, GOOD])[1] == []
    amber = HealthLine("Prefect", Light.AMBER, "answers in 2000 ms")
    assert looked([GOOD, amber, amber, amber])[1] == []
    down = HealthLine("Redis", Light.AMBER, "Redis doesn't answer.", down=True)
    assert looked([down, down])[1] == ["🔴 Redis: Redis doesn't answer."]


def test_flapping_is_said_and_then_quiet_until_it_stands():
    _, told = looked([*[BAD, BAD, GOOD, GOOD] * 10])
    assert len(told) == FLAPS
    assert "keeps turning" in told[-1]
    book, _ = looked([*[BAD, BAD, GOOD, GOOD] * 2])
    steady = int(STEADY / MINUTE) + 2
    _, told = looked([BAD] * steady, book, start=NOW + 8 * MINUTE)
    assert len(told) == 1 and told[0].startswith("🔴 Prefect")


def test_a_part_of_which_nothing_is_said_stays_as_it_is():
    book, _ = looked([BAD, BAD])
    book, news = advance(book, [], NOW + 5 * MINUTE)
    assert news == []
    assert book.parts["Prefect"].bad
    assert not book.unsure
