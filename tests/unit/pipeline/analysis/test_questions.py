"""Questions: the strict form, the fence, their key; answers: strict reading, plain text, price."""

import json
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from pipeline.analysis.answers import held_against, read_answer
from pipeline.analysis.opinion_words import alert_words, opinion_lines
from pipeline.analysis.plain import JOINER, REMOVED, plain
from pipeline.analysis.prices import cost_of, most_cost, output_limit, thinks
from pipeline.analysis.questions import fenced, question_key, question_of, strict_schema, worded
from pipeline.analysis.signal_question import share_of
from pipeline.domain.analysis import Opinion, Purpose, Usage
from pipeline.domain.market import Side
from tests.kit.analyst import OPINION, _check_schema, example


class Inner(BaseModel):
    name: str = Field(max_length=50)
    kind: Literal["a", "b"] = "a"


class Outer(BaseModel):
    pairs: tuple[Inner, Inner]
    many: list[Inner] = []
    maybe: int | None = None


class Free(BaseModel):
    anything: dict[str, int]


class Knot(BaseModel):
    again: "Knot | None"


@pytest.mark.parametrize("model", [Opinion, Outer])
def test_forms_are_as_strict_outputs_want_them(model):
    schema = strict_schema(model)
    _check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert model.model_validate(example(schema))


@pytest.mark.parametrize("model", [Free, Knot])
def test_what_has_no_strict_form_is_refused(model):
    with pytest.raises(ValueError, match="strict form"):
        strict_schema(model)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_words_in_the_facts_can_leave_the_fence(facts):
    question = question_of(Purpose.SYMBOL, "Say.", facts, Opinion)
    told = fenced(question.facts)
    assert told.count("<") == 2 and told.count(">") == 2
    inside = told.removeprefix("<facts>\n").removesuffix("\n</facts>")
    assert json.loads(inside) == json.loads(question.facts)


def test_the_key_knows_all_that_changes_an_answer():
    base = question_of(Purpose.SYMBOL, "Say.", {"a": 1}, Opinion)
    how = {"model": "m", "api": "chat", "language": "en"}
    variants = [
        question_key(base, **how),
        *(question_key(base, **{**how, name: "other"}) for name in how),
        question_key(question_of(Purpose.SYMBOL, "Tell.", {"a": 1}, Opinion), **how),
        question_key(question_of(Purpose.SYMBOL, "Say.", {"a": 2}, Opinion), **how),
        question_key(question_of(Purpose.ALERT, "Say.", {"a": 1}, Opinion), **how),
        question_key(question_of(Purpose.SYMBOL, "Say.", {"a": 1}, Inner), **how),
        question_key(question_of(Purpose.SYMBOL, "Say.", {"a": 1}, Opinion, image=b"x"), **how),
    ]
    assert len(set(variants)) == len(variants)
    again = question_of(Purpose.SYMBOL, "Say.", {"a": 1}, Opinion)
    assert question_key(again, **how) == variants[0]


@pytest.mark.parametrize(
    "wrap", ["{}", "```json\n{}\n```", "Sure, here:\n{}\nAnything else?", "```\n{}\n```"]
)
def test_an_answer_is_found_between_words_and_read_strictly(wrap):
    text = wrap.replace("{}", json.dumps(OPINION))
    assert read_answer(text, Opinion) == Opinion.model_validate(OPINION)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text):
    assert read_answer(text, Opinion) is None
    assert read_answer(json.dumps({**OPINION, "watch": text}), Opinion).watch == text


@given(st.text(max_size=600))
@settings(max_examples=400, deadline=None)
def test_plain_text_has_nothing_to_tap_and_stays_so(text):
    once = plain(text)
    assert len(once) <= 400 and "\n" not in once and "://" not in once
    for n, sign in enumerate(once[:-1]):
        if sign in "@#$/" and once[n + 1].isalpha():
            raise AssertionError(once)
    assert plain(once.replace(JOINER, "")) == once or len(once) > 390


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("see https://evil.example/x?a=1 now", "evil"),
        ("see HTTP://EVIL.example", "EVIL"),
        ("www.evil.example", "evil"),
        ("tg://resolve?domain=x", "resolve"),
        ("mail a.b@evil.example", "evil"),
        ("javascript:alert(1)", "alert"),
    ],
)
def test_links_are_taken_out(text, gone):
    assert gone not in plain(text) and REMOVED in plain(text)


def test_ordinary_text_stays_as_it_is():
    text = "Win rate 61 %, 2:1 at 1.0854 (R/R 2.0); watch 10:15. Then 5/6 – e.g. half."
    assert plain(text).replace(JOINER, "") == text
    assert JOINER not in plain("Stop at 1.0854. Target 1,520.50.")


def test_fixed_words_are_not_touched_and_an_answer_may_lose_all_its_form():
    class Strict(BaseModel):
        choice: Literal["/a", "b"]
        words: str = Field(min_length=1)

    kept, dropped = held_against(Strict(choice="/a", words="It is fine."), "{}")
    assert kept.choice == "/a" and dropped == ()
    assert held_against(Strict(choice="b", words="It is 77 %."), "{}") == (None, ("It is 77 %.",))


def test_prices():
    assert cost_of(Usage(input_tokens=10**6, output_tokens=10**6), (0.25, 2.0)) == 2.25
    assert thinks("gpt-5-mini") and thinks("o3") and not thinks("gpt-4.1-mini")
    assert output_limit("llama3", 700) == 700 < output_limit("gpt-5-mini", 700)
    question = worded(question_of(Purpose.SYMBOL, "Say.", {"a": "x" * 4000}, Opinion), "en")
    text = question.instructions + question.facts + json.dumps(question.json_schema)
    least = cost_of(Usage(input_tokens=len(text) // 4, output_tokens=700), (0.25, 2.0))
    assert least < most_cost(question, (0.25, 2.0)) < 2 * least
    assert most_cost(question, (0.0, 0.0)) == 0


def test_an_opinions_weight_and_words():
    made = Opinion.model_validate(OPINION)
    assert share_of(made, Side.LONG) == 0.75 and share_of(made, Side.SHORT) == 0.0
    assert share_of(made.model_copy(update={"bias": "neutral"}), Side.SHORT) == 0.375
    lines = opinion_lines(made)
    assert len(lines) == 6 and lines[0] == "For: The sweep was clean."
    empty = made.model_copy(update={"reasons": ("", ""), "risks": ("", ""), "invalidation": ""})
    assert alert_words(empty, contradicts=True) == "contradicts (long, quality 4 of 5)"
