import numpy as np
import pytest
from figures import languages


def test_the_matrix_stands_in_the_order_of_the_tree():
    links = np.array([[0, 2, 0.1, 2], [1, 3, 0.6, 3]])
    shares = np.arange(9).reshape(3, 3) / 9
    fig = languages.tree_and_matrix(links, ["a", "b", "c"], shares, ["One", "Two", "One"])
    left, right = fig.axes[:2]
    leaves = [label.get_text() for label in left.get_yticklabels()]
    order = ["abc".index(leaf[0]) for leaf in leaves]
    assert sorted(order) == [0, 1, 2]
    assert abs(order.index(0) - order.index(2)) == 1
    np.testing.assert_array_equal(right.images[0].get_array(), shares[np.ix_(order, order)])
    assert "a · One" in leaves


def test_conditions_names_every_language_at_its_place(by_label):
    fig = languages.conditions([1e-5, 1e-3], [0.9, 1.2], ["fi", "de"])
    (ax,) = fig.axes
    np.testing.assert_array_equal(by_label(ax)["a language"].get_ydata(), [0.9, 1.2])
    assert {text.get_text(): text.xy for text in ax.texts} == {"fi": (1e-5, 0.9), "de": (1e-3, 1.2)}
    assert by_label(ax)["condition (c) holds above"].get_ydata()[0] == 1


def test_endings_are_drawn_with_intervals_and_the_bound(by_label):
    fig = languages.endings({"slow": [0.1, 2]}, {"slow": [[0.5, 0.3, 0.7], [1, 0.9, 1]]})
    (ax,) = fig.axes
    np.testing.assert_array_equal(by_label(ax)["slow"].get_xdata(), [0.1, 2])
    (bars,) = ax.collections
    assert [path.vertices[:, 1].tolist() for path in bars.get_paths()] == [[0.3, 0.7], [0.9, 1]]
    assert by_label(ax)["stable from here"].get_xdata()[0] == 1


def test_against_correlation_draws_a_learner_before_all_pairs(by_label):
    one = {"rho": [0.2, 0.6], "share": [0.1, 0.8], "names": ["fr", ""], "at": [0, 1],
           "law": [0, 0.9]}  # fmt: skip
    fig = languages.against_correlation({"English": one, "Finnish": one}, ([0.3], [0.4]))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["English learns", "Finnish learns"]
    lines = by_label(fig.axes[1])
    np.testing.assert_array_equal(lines["a teacher"].get_ydata(), [0.1, 0.8])
    np.testing.assert_array_equal(lines["by hand"].get_ydata(), [0, 0.9])
    np.testing.assert_array_equal(lines["all pairs"].get_xdata(), [0.3])
    assert [text.get_text() for text in fig.axes[0].texts] == ["fr"]


@pytest.mark.parametrize("draw", [languages.law, lambda y, x: languages.growth(x, y, [1, 2])])
def test_measured_stands_above_what_was_expected(draw):
    (ax,) = draw([0.5, 0.6], [0.4, 0.7]).axes
    (marks,) = (line for line in ax.lines if line.get_linestyle() == "None")
    np.testing.assert_array_equal(marks.get_xdata(), [0.4, 0.7])
    np.testing.assert_array_equal(marks.get_ydata(), [0.5, 0.6])
