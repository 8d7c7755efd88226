"""Asking a detector on no bars runs no kernel: who only reads setups need not load a compiler."""

import sys

import pytest
from numba.core.dispatcher import Dispatcher

from pipeline.detectors import all_detectors, get
from pipeline.detectors.base import DEFAULT_INPUTS
from pipeline.domain.market import Timeframe
from pipeline.setups.columns import Asked, on_no_bars


def question(name):
    detector = get(name)
    inputs = tuple((wanted, question(DEFAULT_INPUTS[wanted])) for wanted in detector.inputs)
    return Asked(name, Timeframe.M5, detector.parameters().model_dump_json(), inputs)


@pytest.mark.parametrize("detector", all_detectors(), ids=lambda d: d.name)
def test_no_kernel_runs_on_no_bars(detector, monkeypatch):
    def refuse(*args):
        raise AssertionError("a kernel was called")

    for name, module in list(sys.modules.items()):
        if name.startswith("pipeline.detectors"):
            for word, value in vars(module).items():
                if isinstance(value, Dispatcher):
                    monkeypatch.setattr(module, word, refuse)
    on_no_bars.cache_clear()
    on_no_bars(question(detector.name))
