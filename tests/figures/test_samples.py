import numpy as np
from figures import samples


def _ends(ax):
    return [bar.vertices[:, 1].tolist() for each in ax.collections for bar in each.get_paths()]


def test_least_draws_both_families_with_intervals_and_the_bounds_in_both(by_label):
    found = [[9, 5, 12], [90, 50, np.inf], [np.inf, np.inf, np.inf]]
    bounds = {"bound": ([10, 1000], [1, 2])}
    fig = samples.least({"a": ([10, 100, 1000], found)}, {"b": ([10], [[7, 6, 8]])}, bounds)
    left, right = fig.axes
    np.testing.assert_array_equal(by_label(left)["a"].get_ydata(), [9, 90])  # the last is not known
    assert _ends(left) == [[5, 12], [50, 270]]
    assert _ends(right) == [[6, 8]]
    for ax in fig.axes:
        np.testing.assert_array_equal(by_label(ax)["bound"].get_ydata(), [1, 2])


def test_against_draws_what_is_by_hand_through_its_points(by_label):
    points = {"a": ([10, 100], [[1, 1, 1], [2, 1, 3]]), "b": ([10], [[4, 3, 5]])}
    fig = samples.against(points, {"a": ([10, 100], [1.1, 2.2]), "slope": ([10, 100], [3, 30])})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["by hand"].get_ydata(), [1.1, 2.2])
    np.testing.assert_array_equal(lines["slope"].get_ydata(), [3, 30])
    assert lines["a"].get_linestyle() == "None"
    assert _ends(fig.axes[0]) == [[1, 1], [1, 3], [3, 5]]
