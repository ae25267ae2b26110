import numpy as np
from figures import assumptions as figures


def _ends(ax):
    return [bar.vertices[:, 1].tolist() for each in ax.collections for bar in each.get_paths()]


def test_how_far_gives_each_assumption_a_row_with_what_is_known_of_it(by_label):
    reach = {
        "a": figures.Reach((0.2, 0.1, 0.3), (0.1, 0.05, 0.15), 0.12, "one"),
        "b": figures.Reach((0.5, 0.4, 0.6)),
        "c": figures.Reach((0.05, 0.04, 0.06), hand=0.04),
    }
    (ax,) = figures.how_far(reach).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    lines = by_label(ax)
    np.testing.assert_array_equal(lines["training"].get_xdata(), [0.2])
    np.testing.assert_array_equal(lines["screening"].get_xdata(), [0.1])
    np.testing.assert_array_equal(lines["by hand"].get_xdata(), [0.12, 0.12])
    low, high = ax.get_xlim()
    assert low > 1 > high  # everything on the left, nothing on the right
    assert [text.get_text() for text in ax.texts] == ["one", "", ""]


def test_leak_draws_both_moments_beside_the_line_by_hand(by_label):
    values = [[1, 0.9, 1.1], [0.5, 0.4, 0.6]]
    fig = figures.leak({"a": {"early": values, "late": values}}, [0, 1], {"a": [1, 0.4]})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["by hand"].get_ydata(), [1, 0.4])
    np.testing.assert_array_equal(lines["early"].get_ydata(), [1, 0.5])
    assert _ends(fig.axes[0])[:2] == [[0.9, 1.1], [0.4, 0.6]]


def test_signs_has_a_row_for_each_setting_and_the_law_beside_it(by_label):
    shares = {"labels": {"x": ((0.2, 0.1, 0.3), 0.25), "y": ((0.0, 0.0, 0.1), 0.02)}}
    (ax,) = figures.signs(shares).axes
    np.testing.assert_array_equal(by_label(ax)["runs"].get_xdata(), [0.2])
    np.testing.assert_array_equal(by_label(ax)["by hand"].get_xdata(), [0.25, 0.25])


def test_memory_draws_what_ends_late_at_the_last_steps(by_label):
    curves = {"plain, in truth": np.ones((3, 3)), "rounded, in truth": np.zeros((1, 3))}
    fig = figures.memory([0, 10, 20], {"n": curves}, {"n": 0.7})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["plain, in truth"].get_xdata(), [0, 10, 20])
    np.testing.assert_array_equal(lines["rounded, in truth"].get_xdata(), [20])
    assert list(lines["memory, by hand"].get_ydata()) == [0.7, 0.7]


def test_collapse_draws_each_series_over_the_line(by_label):
    fig = figures.collapse({"a": ([8, 16], [[0.1, 0, 0.2], [0.9, 0.8, 1]])}, ([8, 16], [0.2, 0.95]))
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["a"].get_ydata(), [0.1, 0.9])
    np.testing.assert_array_equal(lines["by hand"].get_ydata(), [0.2, 0.95])


def test_on_sets_has_a_panel_for_each_length_with_runs_over_both_laws(by_label):
    found = {
        "runs": [[0.1, 0, 0.2], [0.5, 0.4, 0.6]],
        "linear theory": [0.1, 0.4],
        "height alone": [0.9, 1],
    }
    fig = figures.on_sets([400, 800], {"T = 100": found, "T = 200": found})
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["T = 100", "T = 200"]
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["runs"].get_ydata(), [0.1, 0.5])
    np.testing.assert_array_equal(lines["linear theory"].get_ydata(), [0.1, 0.4])
    np.testing.assert_array_equal(lines["height alone"].get_ydata(), [0.9, 1])
