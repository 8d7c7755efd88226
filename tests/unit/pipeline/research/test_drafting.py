"""A setup's file with one value changed: all else of it stays."""

import pytest

from pipeline.domain.errors import SetupError
from pipeline.research.drafting import as_draft, changed_text
from pipeline.research.template import Template
from pipeline.setups.rules import difference, parse_setup
from tests.kit.setups import TEXTS

FILE = "Frank_raid_v1.yaml"
TEXT = TEXTS[FILE]


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_every_number_of_the_library_can_be_changed(file):
    template = Template(TEXTS[file], file, "1.0")
    changed = 0
    for word in template.words:
        if isinstance(word.given, bool) or not isinstance(word.given, int | float):
            continue
        try:
            wanted = template.variant({word.path: word.given + 1})
        except SetupError:
            continue
        text = changed_text(template, word.path, str(word.given + 1))
        assert not difference(wanted, Template(text, file, "1.0").plain)
        changed += 1
    assert changed > 3


def test_comments_stay():
    template = Template(TEXT, FILE, "1.0")
    word = next(
        w
        for w in template.words
        if w.path.startswith("tools.") and isinstance(w.given, int | float)
    )
    text = changed_text(template, word.path, str(word.given + 1))
    assert text.count("#") == TEXT.count("#")


def test_a_switch_is_written_into_use():
    template = Template(TEXT, FILE, "1.0")
    name = next(iter(template.plain.variants))
    text = changed_text(template, f"use.{name}", "on")
    assert parse_setup(text, FILE).use == (name,)


def test_a_draft_is_signed_and_may_have_another_id():
    text = as_draft(TEXT, FILE, author="Ada", reason="profiler: rr 2 → 1.5", setup_id="My_one")
    spec = parse_setup(text, FILE)
    assert (spec.setup_id, spec.status, spec.author, spec.reason) == (
        "My_one", "draft", "Ada", "profiler: rr 2 → 1.5",
    )  # fmt: skip
    assert not [
        c
        for c in difference(parse_setup(TEXT, FILE), spec)
        if c.field not in ("setup_id", "status")
    ]
