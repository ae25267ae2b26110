import numpy as np
from figures import rounding


def test_adrift_draws_the_median_run_and_each_path(by_label):
    steps = [0, 10, 20]
    runs = np.array([[1.0, 2, 3], [2, 3, 4], [6, 7, 8]])
    fig = rounding.adrift(steps, runs, -runs, {"still": ([1, 1, 1], [0, 0, 0])})
    product, difference = fig.axes
    np.testing.assert_array_equal(by_label(product)["runs"].get_ydata(), [2, 3, 4])
    np.testing.assert_array_equal(by_label(difference)["runs"].get_ydata(), [-2, -3, -4])
    np.testing.assert_array_equal(by_label(product)["still"].get_ydata(), [1, 1, 1])
    np.testing.assert_array_equal(by_label(difference)["still"].get_ydata(), [0, 0, 0])


def test_rounding_errors_draws_medians_and_a_slope_of_two(by_label):
    x = np.array([1e-3, 1e-2, 1e-1])
    cases = np.array([[1.0, 2, 4], [1, 3, 5], [1, 8, 9]])
    fig = rounding.rounding_errors({"delta": (x, {"a": cases, "b": 2 * cases})})
    (ax,) = fig.axes
    np.testing.assert_array_equal(by_label(ax)["a"].get_ydata(), [1, 3, 5])
    np.testing.assert_array_equal(by_label(ax)["b"].get_ydata(), [2, 6, 10])
    guide = by_label(ax)["slope 2"].get_ydata()
    np.testing.assert_allclose(guide[1:] / guide[:-1], 100)


def test_rounding_window_leaves_out_levels_where_most_runs_have_nothing(by_label):
    values = np.array([[1.0, 2, np.nan], [3, 4, np.nan], [5, np.nan, 6]])
    measures = {"kept": {"even": values}, "signal": {"even": values}, "third": {"even": values}}
    fig = rounding.rounding_window([0.1, 0.5, 1], measures, mark=0.5, log=["kept"])
    assert len(fig.axes) == 3
    drawn = by_label(fig.axes[0])["even"]
    np.testing.assert_array_equal(drawn.get_xdata(), [0.1, 0.5])
    np.testing.assert_array_equal(drawn.get_ydata(), [3, 3])
    assert [ax.get_yscale() for ax in fig.axes[:3]] == ["log", "linear", "linear"]


def test_rounding_window_draws_nothing_where_nothing_is_left():
    fig = rounding.rounding_window([0.1, 0.5], {"kept": {"even": np.full((3, 2), np.nan)}})
    assert not fig.axes[0].lines


def test_signature_puts_each_case_in_the_plane(by_label):
    cases = {"too many": ([0.5, 0.4], [2.0, 2.5]), "right": ([1.0], [1.0]), "lost": ([1.1], [0.7])}
    (ax,) = rounding.signature(cases).axes
    lines = by_label(ax)
    np.testing.assert_array_equal(lines["too many"].get_xdata(), [0.5, 0.4])
    np.testing.assert_array_equal(lines["lost"].get_ydata(), [0.7])
    (curve,) = (line for line in ax.lines if line.get_xdata().__len__() > 100)
    np.testing.assert_allclose(curve.get_xdata() * curve.get_ydata(), 1)


def test_frozen_value_draws_runs_the_longest_prediction_and_the_floors(by_label):
    squared = np.array([[1.0, 0.1, 0.02], [1, 0.2, 0.04], [1, 0.3, 0.09]])
    short = rounding.FrozenRuns("short", [0, 1, 2], squared, [1, 0.5, 0.2])
    long = rounding.FrozenRuns("long", [0, 2, 4], squared / 2, [1, 0.2, 0.05])
    fig = rounding.frozen_value([short, long], {"rates": ([1e-3, 1e-2], squared[:, 1:])})
    left, right = fig.axes
    np.testing.assert_array_equal(by_label(left)["short"].get_ydata(), [1, 0.2, 0.04])
    np.testing.assert_array_equal(by_label(left)["no noise"].get_ydata(), [1, 0.2, 0.05])
    line = right.lines[-1]
    np.testing.assert_allclose(
        line.get_ydata()[1] / line.get_ydata()[0], line.get_xdata()[1] / line.get_xdata()[0]
    )
    marks = right.containers[0].lines[0]
    np.testing.assert_array_equal(marks.get_ydata(), [0.2, 0.04])
