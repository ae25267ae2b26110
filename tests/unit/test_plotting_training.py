import matplotlib.pyplot as plt
import numpy as np
import pytest

from scbtools import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_distances_draws_medians_bands_and_stars():
    steps = np.array([0, 10, 20])
    runs = {"sgd": np.array([[3.0, 2, 1], [5, 4, 3], [4, 3, 2]]), "proximal": np.ones((3, 3))}
    fig = plotting.distances(steps, runs, runs, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6], switch=10)
    for ax, star in zip(fig.axes, (0.2, 0.5), strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        np.testing.assert_array_equal(lines["SGD"].get_xdata(), steps)
        np.testing.assert_array_equal(lines["SGD"].get_ydata(), [4, 3, 2])
        np.testing.assert_array_equal(lines["proximal"].get_ydata(), [1, 1, 1])
        assert lines["normalised"].get_ydata()[0] == pytest.approx(star)
        assert len(ax.collections) == 2
    assert fig.axes[0].get_ylabel() == r"$\Vert V - P\Vert_\mu$"


def test_final_signals_marks_every_run_by_its_sign():
    fig = plotting.final_signals({"a": [0.3, -0.2, 0.1], "b": [0.5]}, expected=0.4)
    dots = [line for line in fig.axes[0].lines if line.get_marker() in ("X", "o")]
    assert sum(len(line.get_xdata()) for line in dots) == 4
    for line in dots:
        assert all((x < 0) == (line.get_marker() == "X") for x in line.get_xdata())
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_shrinkage_draws_each_column_as_it_is():
    fig = plotting.shrinkage([0.1, -0.2], {"after": [0.0, -0.1]})
    heights = [[bar.get_height() for bar in ax.patches] for ax in fig.axes]
    assert heights == [[0.1, -0.2], [0.0, -0.1]]
    assert [ax.get_title() for ax in fig.axes] == ["before", "after"]
