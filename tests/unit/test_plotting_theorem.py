import matplotlib.pyplot as plt
import numpy as np
import pytest

from scbtools import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_final_errors_draws_every_run_of_every_recipe():
    pair = ([3e-4, 1e-4, 2e-4], [1e-5, 2e-5, 3e-5])
    fig = plotting.final_errors({"a": {"one": pair, "two": pair}, "b": {"one": pair}}, 1e-3)
    dots = [line for line in fig.axes[0].lines if line.get_marker() in ("o", "s")]
    assert [list(line.get_xdata()) for line in dots] == [[1e-4, 2e-4, 3e-4]] * 3
    rows = [round(float(np.mean(line.get_ydata()))) for line in dots]
    assert rows == [0, 0, 1]
    assert [text.get_text() for text in fig.axes[1].get_legend().get_texts()] == ["one", "two"]
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_errors_by_stage_draws_medians_at_the_median_samples():
    stages = {
        "boost": ([10, 20, 30], [0.5, 0.6, 0.7], [0.1, 0.2, 0.3]),
        "learn": ([50, 60, 70], [0.05, 0.06, 0.07], [0.01, 0.02, 0.03]),
    }
    ends = {"A": [[4e-3, 1e-3], [4e-3, 1e-3]], "V": [[2e-3, 5e-4], [2e-3, 5e-4]]}
    fig = plotting.errors_by_stage(stages, [64, 256], ends)
    left, right = fig.axes
    drawn = lines(left)[r"$\Vert A - Q\Vert_\mu^2$"]
    np.testing.assert_array_equal(drawn.get_xdata(), [20, 60])
    np.testing.assert_array_equal(drawn.get_ydata(), [0.6, 0.06])
    np.testing.assert_array_equal(lines(right)["V"].get_ydata(), [2e-3, 5e-4])
    guide = lines(right)[r"$\sim 1/B$"].get_ydata()
    assert guide[0] / guide[1] == pytest.approx(4)
    assert {text.get_text() for text in left.texts} == {"boost", "learn"}


def test_stage_samples_draws_medians_and_shares():
    samples = {"one": np.array([[1.0, 10], [2, 20], [9, 90]]), "all": np.array([5.0, 5])}
    fig = plotting.stage_samples([100, 200], samples, [4, 8, 16], {"T = 100": [0.5, 0.9, 1.0]})
    left, right = fig.axes
    np.testing.assert_array_equal(lines(left)["one"].get_ydata(), [2, 20])
    np.testing.assert_array_equal(lines(left)["all"].get_ydata(), [5, 5])
    np.testing.assert_array_equal(lines(right)["T = 100"].get_ydata(), [0.5, 0.9, 1.0])


def test_vocabularies_draws_curves_and_stars_of_the_right_layer():
    ones = np.ones((3, 2))
    each = plotting.Vocabulary("N = 3", [-1, 1], 2 * ones, 3 * ones, 4 * ones, ([5], [6], [7]))
    fig = plotting.vocabularies([each, each])
    top, bottom = fig.axes[0], fig.axes[2]
    np.testing.assert_array_equal(lines(top)[r"$\Vert V - P\Vert_\mu$"].get_ydata(), [2, 2])
    np.testing.assert_array_equal(lines(top)[r"$\Vert A - Q\Vert_\mu$"].get_ydata(), [3, 3])
    np.testing.assert_array_equal(lines(bottom)["test loss"].get_ydata(), [4, 4])
    stars = {
        line.get_color(): line.get_ydata()[0] for line in top.lines if line.get_marker() == "*"
    }
    curves = {
        line.get_ydata()[0]: line.get_color() for line in top.lines if len(line.get_xdata()) == 2
    }
    assert stars[curves[2]] == 5
    assert stars[curves[3]] == 6
    assert [line.get_ydata()[0] for line in bottom.lines if line.get_marker() == "*"] == [7]
