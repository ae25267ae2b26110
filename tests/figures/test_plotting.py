"""The library's own two pictures."""

from __future__ import annotations

import importlib
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import scbtools as scb
from scbtools import plotting

HISTORY = {
    "step": [0, 10, 20], "stage": [0, 0, 1], "alpha_V": [0, 0.5, 1], "alpha_A": [0, 0.4, 1],
    "error_V": [1, 0.5, 0.1], "error_A": [1, 0.6, 0.2],
}  # fmt: skip


def run(**changes: list[float]) -> scb.Run:
    history = {name: np.array(values) for name, values in (HISTORY | changes).items()}
    params = scb.Params(np.zeros((3, 2)), np.zeros((2, 2)))
    return scb.Run(params, history, "finished", (), ())


def test_training_marks_where_stages_change() -> None:
    left, right = plotting.training(run())
    np.testing.assert_allclose(right.lines[0].get_ydata(), [1, 0.25, 0.01])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0, 0.4, 1])
    assert left.lines[2].get_xdata()[0] == 20
    assert right.get_yscale() == "log"


def test_training_of_several_runs_names_each_curve_once() -> None:
    axes = plt.subplots(1, 2)[1]
    left, right = plotting.training([run(), run(alpha_V=[0, 2, 4])], axes)
    assert (left, right) == tuple(axes)
    assert [line.get_ydata()[2] for line in left.lines] == [1, 1, 4, 1]
    for ax in (left, right):
        assert len(ax.get_legend().get_texts()) == 2


def test_attention_column_marks_attended_positions_from_one(by_label) -> None:
    ax = plotting.attention_column([0.1, -0.2, 0.5, 0.0], [0, 2])
    lines = by_label(ax)
    np.testing.assert_array_equal(lines["other positions"].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(lines["attended positions"].get_xydata(), [[1, 0.1], [3, 0.5]])


def test_plotting_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "scbtools.plotting")
    with pytest.raises(ImportError, match=r"pip install scbtools\[plot\]"):
        importlib.import_module("scbtools.plotting")
