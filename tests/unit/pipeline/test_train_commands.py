import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.training import Hyperparams, TrainingData, TrainRequest
from pipeline.train_commands import EXAMPLES, parse_train
from pipeline.training_query import query_of

IDS = ("Asia_fvg_break_v2", "Frank_raid_v1", "IB_raid_v1")
KNOWN = KnownWords(
    setups=tuple(KnownSetup(i, Timeframe.M5, (Timeframe.M5,), ("GER40",)) for i in IDS),
    symbols=("GER40", "EURUSD"),
    aliases={"DAX": "GER40"},
)
TODAY = date(2026, 11, 26)
CONTRACT = {
    "flow_type": "train_model_flow",
    "trigger": "manual",
    "model_type": "signal_classifier",
    "training_data": {
        "source": "database",
        "query": "SELECT * FROM labeled_trades WHERE label IS NOT NULL",
        "min_samples": 500,
    },
    "hyperparams": {
        "algorithm": "lightgbm", "n_estimators": 100, "max_depth": 5, "cross_validation_folds": 5,
    },
    "schedule": "weekly_sunday_03:00",
}  # fmt: skip


def train(text):
    return parse_train(text, KNOWN, TODAY)


def refused(text):
    with pytest.raises(BadRequestError) as caught:
        train(text)
    return caught.value


def test_without_a_word_everything_is_learnt_from():
    assert train("/train") == TrainRequest()


def test_the_contract_is_accepted_field_for_field():
    assert train(f"/train {json.dumps(CONTRACT)}") == TrainRequest()
    scheduled = {**CONTRACT, "trigger": "scheduled_weekly"}
    assert train(f"/train {json.dumps(scheduled)}").trigger == "scheduled_weekly"


def test_a_phones_quotes_do_no_harm():
    text = json.dumps(CONTRACT | {"training_data": {"query": query_of(TrainingData(setups=IDS))}})
    curly = text.replace('"', "”").replace("'", "’")
    assert train(f"/train {curly}").training_data.setups == IDS


def test_words():
    found = train(
        "/train setup=ib_raid_v1,FrankRaidV1 symbol=dax min_samples=300 trials=20 folds=4 trees=50"
        " from=2024-01 to=2024-06 tf=m5"
    )
    data = found.training_data
    assert data.setups == ("IB_raid_v1", "Frank_raid_v1")
    assert data.symbols == ("GER40",)
    assert (data.start, data.end) == (date(2024, 1, 1), date(2024, 6, 30))
    assert data.timeframes == (Timeframe.M5,)
    assert data.min_samples == 300
    assert data.query == query_of(data)
    assert found.hyperparams == Hyperparams(
        search_trials=20, cross_validation_folds=4, n_estimators=50
    )
    assert train("/train IB_raid_v1 GER40 2024").training_data.end == date(2024, 12, 31)


whole = st.integers(50, 5000)


@given(
    st.lists(st.sampled_from(IDS), min_size=1, unique=True), st.sampled_from(("GER40", "EURUSD")),
    whole, st.integers(0, 500), st.integers(2, 20), st.integers(5, 5000), st.randoms(),
)  # fmt: skip
def test_options_come_in_any_order(setups, symbol, samples, trials, folds, trees, rng):
    words = [f"setup={','.join(setups)}", f"symbol={symbol}", f"min_samples={samples}",
             f"trials={trials}", f"folds={folds}", f"trees={trees}"]  # fmt: skip
    rng.shuffle(words)
    found = train("/train " + " ".join(words))
    assert (found.training_data.setups, found.training_data.symbols) == (tuple(setups), (symbol,))
    assert found.training_data.min_samples == samples
    assert found.hyperparams == Hyperparams(
        search_trials=trials, cross_validation_folds=folds, n_estimators=trees
    )


@given(st.text(max_size=40) | st.dictionaries(st.text(max_size=9), st.integers()).map(json.dumps))
def test_any_text_is_a_training_or_refused_by_field(text):
    try:
        assert isinstance(train("/train " + text), TrainRequest)
    except BadRequestError as error:
        assert error.field


@pytest.mark.parametrize(("text", "field", "hint"), [
    ("/train setup=Frank_raid", "setup_id", "Frank_raid_v1"),
    ("/train symbol=GER4", "symbol", "GER40"),
    ("/train tf=M7", "timeframe", "M5"),
    ("/train min_samples=many", "min_samples", "500"),
    ("/train min_samples=5", "training_data.min_samples", "50"),
    ("/train trees=1", "hyperparams.n_estimators", "5"),
    ("/train tree=100", "tree", "trees"),
    ("/train from=yesterdey", "period", "from=2024-01-01"),
    ("/train from=2024-06 to=2024-01", "training_data.start", "2024-01-31"),
    ("/train Frank_raid", "text", "Frank_raid_v1"),
    ("/train setup=IB_raid_v1 setup=Frank_raid_v1", "setups", "commas"),
    ('/train {"training_dat": {}}', "training_dat", "training_data"),
    ('/train {"training_data": {"min_sample": 5}}', "training_data.min_sample", "min_samples"),
    ('/train {"training_data": {"query": "SELECT 1"}}', "training_data.query", "Write it like"),
    ('/train {"training_data": {"setups": ["IB"]}}', "setup_id", "IB_raid_v1"),
    ('/train {"training_data": 5}', "training_data", "training_data"),
    ('/train {"flow_type": "backtest_flow"}', "flow_type", "train_model_flow"),
    ('/train {"model_type": "../x"}', "model_type", "small letters"),
    ('/train {"hyperparams": {"algorithm": "forest"}}', "hyperparams.algorithm", "lightgbm"),
    ('/train {"schedule": "hourly"}', "schedule", "weekly_sunday_03:00"),
    ("/train dry_run", "dry_run", "rolls back"),
    ('/train {"options": {"dry_run": true}}', "dry_run", "/train"),
    ("/train {", "text", "JSON"),
    ("/train {" + '"a":[' * 2000, "text", "JSON"),
    ('/train {"options": {"max_trades": 5}}', "options.max_trades", "dry_run"),
    ('/train {"options": 5}', "options", "dry_run"),
    ('/train {"symbol": "GER40", "training_data": {"symbols": ["EURUSD"]}}', "symbols", "EURUSD"),
])  # fmt: skip
def test_refusals_name_field_value_and_fix(text, field, hint):
    error = refused(text)
    assert error.field == field
    assert hint in error.user_text + " ".join(error.closest) + error.corrected


def test_start_s_own_request_with_mode_train():
    text = json.dumps({"mode": "train", "symbol": "GER40", "setup_id": "IB_raid_v1",
                       "timeframe": "M5", "start": "2025-05-01", "end": "2025-10-31",
                       "options": {"dry_run": False}})  # fmt: skip
    found = train(f"/train {text}")
    assert not found.dry_run
    data = found.training_data
    assert (data.symbols, data.setups, data.end) == (
        ("GER40",), ("IB_raid_v1",), date(2025, 10, 31)
    )  # fmt: skip


def test_examples_are_understood():
    for example in EXAMPLES:
        assert train(example)
