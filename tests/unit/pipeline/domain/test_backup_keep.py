"""Which backups stay: weeks, months, the young, and always the newest."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.domain.backup_keep import KeepRule
from pipeline.domain.errors import BadRequestError
from pipeline.domain.product import PRODUCT, VERSION

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
ROOT = Path(__file__).parents[4]


def made(*days_ago):
    return [(f"b{days}", NOW - timedelta(days=days)) for days in days_ago]


def left(rule, *days_ago, now=NOW):
    gone = set(KeepRule.parse(rule).dropped(made(*days_ago), now))
    return [days for days in days_ago if f"b{days}" not in gone]


def test_a_year_of_weekly_backups_leaves_four_weeks_and_three_months():
    weekly = range(4, 364, 7)  # Sundays
    assert left("4w 3m", *weekly) == [4, 11, 18, 25, 32, 60]  # four Sundays; October, September
    assert left("1w 3m", *weekly) == [4, 32, 60]


def test_several_of_a_week_leave_the_newest_of_it_and_the_young():
    assert left("1w 0m", 0, 1, 3, 4, 5) == [0, 1]
    assert left("2w 0m", 3, 4, 5) == [3, 4]  # Monday; of the week before, Sunday


def test_a_long_pause_removes_nothing_and_the_newest_always_stays():
    assert left("4w 0m", 400, 407, 414, 421) == [400, 407, 414, 421]
    assert left("1w 0m", 900, now=NOW) == [900]
    assert left("0w 1m", 900, 901) == [900]
    assert left("4w 3m") == []


def test_dropped_are_told_oldest_first():
    assert KeepRule.parse("1w 0m").dropped(made(10, 20, 30), NOW) == ["b30", "b20"]


@pytest.mark.parametrize("text", ["4w3m", " 4W, 3M ", "4w 3m"])
def test_a_rule_is_read_as_people_write_it(text):
    assert KeepRule.parse(text).word == "4w 3m"


@pytest.mark.parametrize("text", ["", "0w 0m", "4", "4w", "four weeks", "-1w 2m", "4w 3m 1y"])
def test_no_rule(text):
    with pytest.raises(BadRequestError, match="like 4w 3m"):
        KeepRule.parse(text)


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == (PRODUCT, VERSION)
