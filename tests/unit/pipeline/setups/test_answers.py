"""Answers are worked out once and shared, and forgotten as soon as a bar they read is new."""

import numpy as np
import pytest

from pipeline.data.clean import resample
from pipeline.domain.bars import BarColumns
from pipeline.domain.events import Events
from pipeline.domain.market import Timeframe
from pipeline.setups.answers import Answers, questions
from pipeline.setups.detecting import detect, frames_for
from tests.kit.setups import LIBRARY, TOY, every_reading, random_bars

BARS = random_bars(np.random.default_rng(4), Timeframe.M1, 12)
TRIGGERS = (Timeframe.M1, Timeframe.M5, Timeframe.M15)


def columns(bars):
    longer = (Timeframe.M5, Timeframe.M15, Timeframe.H1)
    frames = {Timeframe.M1: bars, **{t: resample(bars, Timeframe.M1, t) for t in longer}}
    return {t: BarColumns.of(frame) for t, frame in frames.items()}


def same(one, other):
    if isinstance(one, Events):
        return one.to_frame().equals(other.to_frame())
    return np.array_equal(one, other, equal_nan=True)


def test_shared_answers_are_those_of_each_setup_alone():
    shared = Answers(TOY, columns(BARS))
    asked = 0
    for spec in every_reading():
        for trigger in TRIGGERS:
            own = resample(BARS, Timeframe.M1, trigger)
            alone = detect(frames_for(own, trigger, spec), spec, trigger, TOY)
            for name, question in questions(spec, trigger).items():
                assert same(shared.of(question), alone[name])
                asked += 1
    assert len(shared._found) < asked / 3


def test_what_newer_bars_change_is_worked_out_again_and_nothing_else():
    answers = Answers(TOY, columns(BARS[:9000]))
    asked = questions(LIBRARY["Frank_raid_v1"], Timeframe.M1)
    before = {name: answers.of(question) for name, question in asked.items()}
    aligned = {name: answers.on(question, Timeframe.M1) for name, question in asked.items()}
    newer = columns(BARS[:9001])
    answers.take({Timeframe.M1: newer[Timeframe.M1]})
    for name, question in asked.items():
        reads_m1 = Timeframe.M1 in question.reads
        assert (answers.of(question) is not before[name]) == reads_m1
        assert answers.on(question, Timeframe.M1) is not aligned[name]
    fresh = Answers(TOY, newer | {t: answers.bars(t) for t in (Timeframe.M5, Timeframe.M15)})
    for question in asked.values():
        assert same(answers.on(question, Timeframe.M1), fresh.on(question, Timeframe.M1))


def test_a_question_reads_what_its_inputs_read():
    asked = questions(LIBRARY["IB_raid_v1"], Timeframe.M1)
    assert asked["structure"].reads == {Timeframe.M5}
    assert asked["raids"].reads == {Timeframe.M1}
    assert asked["adr"].key == questions(LIBRARY["IB_raid_v1"], Timeframe.M15)["adr"].key
    assert asked["atr"].key != asked["atr_m15"].key


@pytest.mark.parametrize("points", [None, 2.0])
def test_spreads_are_kept_by_bars_and_points(points):
    answers = Answers(TOY, columns(BARS[:500]))
    spread = answers.spread(Timeframe.M5, points)
    assert answers.spread(Timeframe.M5, points) is spread
    assert answers.spread(Timeframe.M5, 3.0)[0] == 3.0 * TOY.point
    answers.take({Timeframe.M5: columns(BARS[:600])[Timeframe.M5]})
    assert len(answers.spread(Timeframe.M5, points)) == len(answers.bars(Timeframe.M5))
