import numpy as np
import pytest
from figures import theorem


def test_final_errors_draws_every_run_of_every_recipe():
    pair = ([3e-4, 1e-4, 2e-4], [1e-5, 2e-5, 3e-5])
    fig = theorem.final_errors({"a": {"one": pair, "two": pair}, "b": {"one": pair}}, 1e-3)
    dots = [line for line in fig.axes[0].lines if line.get_marker() in ("o", "s")]
    assert [list(line.get_xdata()) for line in dots] == [[1e-4, 2e-4, 3e-4]] * 3
    rows = [round(float(np.mean(line.get_ydata()))) for line in dots]
    assert rows == [0, 0, 1]
    assert [text.get_text() for text in fig.axes[1].get_legend().get_texts()] == ["one", "two"]
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_errors_by_stage_draws_medians_at_the_median_samples(by_label):
    stages = {
        "boost": ([10, 20, 30], [0.5, 0.6, 0.7], [0.1, 0.2, 0.3]),
        "learn": ([50, 60, 70], [0.05, 0.06, 0.07], [0.01, 0.02, 0.03]),
    }
    ends = {"A": [[4e-3, 1e-3], [4e-3, 1e-3]], "V": [[2e-3, 5e-4], [2e-3, 5e-4]]}
    fig = theorem.errors_by_stage(stages, [64, 256], ends)
    left, right = fig.axes
    drawn = by_label(left)[r"$\Vert A - Q\Vert_\mu^2$"]
    np.testing.assert_array_equal(drawn.get_xdata(), [20, 60])
    np.testing.assert_array_equal(drawn.get_ydata(), [0.6, 0.06])
    np.testing.assert_array_equal(by_label(right)["V"].get_ydata(), [2e-3, 5e-4])
    guide = by_label(right)[r"$\sim 1/B$"].get_ydata()
    assert guide[0] / guide[1] == pytest.approx(4)
    assert {text.get_text() for text in left.texts} == {"boost", "learn"}


def test_stage_samples_draws_medians_and_shares(by_label):
    samples = {"one": np.array([[1.0, 10], [2, 20], [9, 90]]), "all": np.array([5.0, 5])}
    fig = theorem.stage_samples([100, 200], samples, [4, 8, 16], {"T = 100": [0.5, 0.9, 1.0]})
    left, right = fig.axes
    np.testing.assert_array_equal(by_label(left)["one"].get_ydata(), [2, 20])
    np.testing.assert_array_equal(by_label(left)["all"].get_ydata(), [5, 5])
    np.testing.assert_array_equal(by_label(right)["T = 100"].get_ydata(), [0.5, 0.9, 1.0])


def test_vocabularies_draws_curves_and_stars_of_the_right_layer(by_label):
    ones = np.ones((3, 2))
    each = theorem.Vocabulary("N = 3", [-1, 1], 2 * ones, 3 * ones, 4 * ones, ([5], [6], [7]))
    fig = theorem.vocabularies([each, each])
    top, bottom = fig.axes[0], fig.axes[2]
    np.testing.assert_array_equal(by_label(top)[r"$\Vert V - P\Vert_\mu$"].get_ydata(), [2, 2])
    np.testing.assert_array_equal(by_label(top)[r"$\Vert A - Q\Vert_\mu$"].get_ydata(), [3, 3])
    np.testing.assert_array_equal(by_label(bottom)["test loss"].get_ydata(), [4, 4])
    stars = {
        line.get_color(): line.get_ydata()[0] for line in top.lines if line.get_marker() == "*"
    }
    curves = {
        line.get_ydata()[0]: line.get_color() for line in top.lines if len(line.get_xdata()) == 2
    }
    assert stars[curves[2]] == 5
    assert stars[curves[3]] == 6
    assert [line.get_ydata()[0] for line in bottom.lines if line.get_marker() == "*"] == [7]
