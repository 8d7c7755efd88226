"""One suite over both news calendars: absent, read, changed, broken."""

import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.news import NEWS_COLUMNS
from storage.memory import MemoryNews
from storage.news import CsvNews

HEAD = "time,currency,impact,title\n"
ONE = HEAD + "2025-01-10 13:30,EUR,high,CPI\n"


class Memory:
    def __init__(self, path):
        self.store = MemoryNews()

    def write(self, text):
        self.store.text = text


class File:
    def __init__(self, path):
        self.path = path / "news.csv"
        self.store = CsvNews(self.path)

    def write(self, text):
        if text is None:
            self.path.unlink()
        else:
            self.path.write_text(text, encoding="utf-8")


@pytest.fixture(params=[Memory, File])
def home(request, tmp_path):
    return request.param(tmp_path)


async def test_no_calendar_is_none_and_comes_and_goes(home):
    assert await home.store.read() is None
    home.write(ONE)
    news = await home.store.read()
    assert tuple(news.columns) == NEWS_COLUMNS
    assert list(news["title"]) == ["CPI"]
    home.write(None)
    assert await home.store.read() is None


async def test_a_change_is_taken_up_at_once(home):
    home.write(ONE)
    await home.store.read()
    home.write(ONE + "2025-01-11 13:30,USD,low,Sales\n")
    assert list((await home.store.read())["title"]) == ["CPI", "Sales"]


async def test_a_broken_calendar_is_named_each_time_and_mended(home):
    home.write(HEAD + "2025-01-10 13:30,EUR,huge,CPI\n")
    for _ in range(2):
        with pytest.raises(DataError, match=r"news\.csv:2: impact: 'huge'"):
            await home.store.read()
    home.write(ONE)
    assert len(await home.store.read()) == 1


async def test_an_empty_calendar_is_one_that_knows_nothing(home):
    home.write(HEAD)
    assert (await home.store.read()).empty
