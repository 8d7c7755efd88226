"""Kept results of a run in shared storage: another host goes on from them."""

import time

import pandas as pd
import pytest
from pydantic import BaseModel

from flows.state import RunState, StateFolder
from pipeline.domain.errors import StoreDownError

RUN = "bt_1"


class Output(BaseModel):
    """What a task leaves."""

    n: int


@pytest.fixture
def objects(s3):
    return s3.objects()


@pytest.fixture
def hosts(objects, tmp_path):
    return [StateFolder(tmp_path / name, objects) for name in "ab"]


def kept(folder, task):
    output = folder.of_run(RUN).kept(task, Output)
    return None if output is None else output.n


def test_another_host_goes_on_from_what_was_kept(hosts):
    one, two = hosts
    state = one.of_run(RUN)
    one.take_up(RUN, 1)
    state.keep_frame("bars", pd.DataFrame({"a": [1, 2]}))
    RunState(state.folder / "set_x").keep_frame("m1", pd.DataFrame({"b": [3]}))
    state.keep("data_ingest", Output(n=1))
    state.keep_frame("not_yet", pd.DataFrame())
    two.take_up(RUN, 2)
    assert kept(two, "data_ingest") == 1
    there = two.of_run(RUN).folder
    assert list(pd.read_parquet(there / "bars.parquet")["a"]) == [1, 2]
    assert (there / "set_x" / "m1.parquet").exists()
    assert not (there / "not_yet.parquet").exists()
    two.of_run(RUN).keep("market_tools", Output(n=2))
    one.take_up(RUN, 3)
    assert (kept(one, "data_ingest"), kept(one, "market_tools")) == (1, 2)
    assert not (one.of_run(RUN).folder / "not_yet.parquet").exists()


def test_the_same_host_needs_nothing_from_the_storage(hosts, objects):
    one, _ = hosts
    one.take_up(RUN, 1)
    one.of_run(RUN).keep("a", Output(n=1))
    objects.listed = objects.get_many = None
    one.take_up(RUN, 2)
    assert kept(one, "a") == 1


def test_what_is_forgotten_is_forgotten_everywhere(hosts, objects):
    one, two = hosts
    one.of_run(RUN).keep("a", Output(n=1))
    one.of_run(RUN).clear()
    assert objects.listed("state") == {}
    one.of_run(RUN).keep("b", Output(n=2))
    two.take_up(RUN, 2)
    assert (kept(two, "a"), kept(two, "b")) == (None, 2)


def test_only_what_has_changed_is_sent(hosts, objects):
    one, _ = hosts
    sent, put = [], objects.put
    objects.put = lambda name, data: (sent.append(name), put(name, data))
    one.of_run(RUN).keep_frame("bars", pd.DataFrame({"a": [1]}))
    one.of_run(RUN).keep("a", Output(n=1))
    one.of_run(RUN).keep("b", Output(n=1))
    assert sent == [f"state/{RUN}/{name}" for name in ("bars.parquet", "a.json", "b.json")]


def test_a_run_goes_on_while_the_storage_is_away(hosts, objects, monkeypatch):
    def down(*_):
        raise StoreDownError("down")

    one, two = hosts
    monkeypatch.setattr(objects, "put", down)
    one.of_run(RUN).keep("a", Output(n=1))
    monkeypatch.undo()
    one.of_run(RUN).keep("b", Output(n=2))
    two.take_up(RUN, 2)
    assert (kept(two, "a"), kept(two, "b")) == (1, 2)


def test_old_state_is_swept_everywhere(hosts, objects):
    one, _ = hosts
    one.of_run(RUN).keep("a", Output(n=1))
    assert one.sweep(time.time() - 3600) == {}
    assert len(objects.listed("state")) == 1
    two = StateFolder(one.root, objects)
    assert set(two.sweep(time.time() + 3600)) == {RUN}
    assert objects.listed("state") == {}
