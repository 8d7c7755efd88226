"""What a run keeps: whole files, odd ones not counted, one executor at a time."""

import os
import subprocess
import sys

import pandas as pd
from pydantic import BaseModel

from flows.state import StateFolder, write_frame


class Output(BaseModel):
    count: int


class Other(BaseModel):
    name: str


def test_what_is_kept_comes_back(tmp_path):
    state = StateFolder(tmp_path).of_run("bt_1")
    assert state.kept("task", Output) is None
    state.keep("task", Output(count=3))
    assert state.kept("task", Output) == Output(count=3)
    assert sorted(path.name for path in state.folder.iterdir()) == ["task.json"]


def test_what_no_longer_fits_counts_as_not_done(tmp_path):
    state = StateFolder(tmp_path).of_run("bt_1")
    state.keep("task", Output(count=3))
    assert state.kept("task", Other) is None
    (state.folder / "task.json").write_text("{half")
    assert state.kept("task", Output) is None


def test_frames_survive_with_their_dtypes(tmp_path):
    frame = pd.DataFrame({
        "at": pd.to_datetime(["2025-01-01"], utc=True).as_unit("us"), "word": ["a"], "n": [1],
    })  # fmt: skip
    write_frame(tmp_path / "deep" / "frame.parquet", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "deep" / "frame.parquet"), frame)


def test_clear_forgets_outputs_but_not_the_lock(tmp_path):
    folder = StateFolder(tmp_path)
    with folder.executing("bt_1") as ours:
        assert ours
        state = folder.of_run("bt_1")
        state.keep("task", Output(count=3))
        state.keep_frame("bars", pd.DataFrame({"a": [1.0]}))
        state.clear()
        assert state.kept("task", Output) is None
        assert not state.frame_path("bars").exists()
        assert folder.executed("bt_1")


def test_one_executes_and_the_others_are_told(tmp_path):
    folder = StateFolder(tmp_path)
    with folder.executing("bt_1") as first, folder.executing("bt_1") as second:
        assert (first, second) == (True, False)
    assert not folder.executed("bt_1")


def test_the_right_ends_with_the_process_that_had_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from flows.state import StateFolder\n"
        "with StateFolder(Path(sys.argv[1])).executing('bt_1'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    holder.stdout.readline()
    assert StateFolder(tmp_path).executed("bt_1")
    holder.kill()
    holder.wait()
    assert not StateFolder(tmp_path).executed("bt_1")


def test_sweep_takes_old_folders_only(tmp_path):
    folder = StateFolder(tmp_path)
    folder.of_run("old").keep("task", Output(count=1))
    folder.of_run("new").keep("task", Output(count=1))
    os.utime(tmp_path / "old", (1, 1))
    assert list(folder.sweep(before=1000.0, dry=True)) == ["old"]
    assert (tmp_path / "old").exists()
    assert list(folder.sweep(before=1000.0)) == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]
