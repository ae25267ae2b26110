import numpy as np
import pytest
from figures import theorem
from figures.base import INK, MIRROR, OF_A, OF_V


def test_final_errors_draws_every_run_of_every_recipe_and_rings_the_mirrored():
    one = ([3e-4, 1e-4, 2e-4], [1e-5, 2e-5, 3e-5], [False, False, False])
    two = (*one[:2], [True, False, False])
    fig = theorem.final_errors({"a": {"one": one, "two": two}, "b": {"one": one}}, 1e-3)
    lines = [line for line in fig.axes[0].lines if line.get_marker() in ("o", "s")]
    dots = [line for line in lines if line.get_color() != MIRROR]
    assert [list(line.get_xdata()) for line in dots] == [[1e-4, 2e-4, 3e-4]] * 3
    rows = [round(float(np.mean(line.get_ydata()))) for line in dots]
    assert rows == [0, 0, 1]
    assert [list(line.get_xdata()) for line in lines if line.get_color() == MIRROR] == [[3e-4]]
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == ["one", "two", "mirrored after Stage 1"]
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_errors_by_batch_draws_medians_and_a_guide(by_label):
    ends = {"A": [[4e-3, 1e-3], [4e-3, 1e-3]], "V": [[2e-3, 5e-4], [2e-3, 5e-4]]}
    fig = theorem.errors_by_batch([64, 256], ends)
    drawn = by_label(fig.axes[0])
    np.testing.assert_array_equal(drawn["V"].get_ydata(), [2e-3, 5e-4])
    assert [drawn[name].get_color() for name in "AV"] == [OF_A, OF_V]
    guide = drawn[r"$\propto 1/B$"].get_ydata()
    assert guide[0] / guide[1] == pytest.approx(4)


def test_stage_samples_draws_medians_and_the_guide(by_label):
    samples = {"one": np.array([[1.0, 10], [2, 20], [9, 90]]), "all": np.array([5.0, 5])}
    drawn = by_label(theorem.stage_samples([100, 200], samples, [3, 7]).axes[0])
    np.testing.assert_array_equal(drawn["one"].get_ydata(), [2, 20])
    np.testing.assert_array_equal(drawn["all"].get_ydata(), [5, 5])
    np.testing.assert_array_equal(drawn[r"$\propto T \ln T$"].get_ydata(), [3, 7])


def test_batch_shares_draws_longer_sequences_darker(by_label):
    shares = {"T = 100": [0.5, 0.9, 1.0], "T = 200": [0.6, 0.9, 1.0]}
    drawn = by_label(theorem.batch_shares([4, 8, 16], shares).axes[0])
    np.testing.assert_array_equal(drawn["T = 100"].get_ydata(), [0.5, 0.9, 1.0])
    assert drawn["T = 100"].get_color() == INK.green
    assert drawn["T = 100"].get_alpha() < drawn["T = 200"].get_alpha()
