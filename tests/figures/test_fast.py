import numpy as np
import pytest
from figures import fast


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_scatter_shows_the_same_sums_twice():
    fig = fast.scatter([1, 0, 2, 0], [1, 2, 4, 8], vocab_size=3)
    left, right = fig.axes
    assert [text for text in words(left) if text.startswith("=")] == ["= 10", "= 1", "= 4"]
    assert words(left).count("1") == 4 + 1  # one one per column, and the first value
    assert words(left).count("0") == 8
    assert words(right)[-6::2] == ["10", "1", "4"]
    assert len(right.lines) == 4


def test_ladder_draws_bars_from_one_and_the_floor():
    values = {"N = 3": [[1.0, 0.5, 40], [1.0, 0.4, 30], [1.0, 0.6, 50]], "N = 10": np.ones((3, 3))}
    times = {"N = 3": [80.0, 160, 2], "N = 10": [9.0, 9, 9]}
    fig = fast.ladder(["a", "b", "c"], values, times, {"N = 3": 100, "N = 10": 7})
    first, second = fig.axes
    ends = [bar.get_x() + bar.get_width() for bar in first.patches]
    assert ends == pytest.approx([1, 0.5, 40])
    assert words(first) == ["80 ns", "160 ns", "2 ns"]
    assert first.lines[0].get_xdata()[0] == 100
    assert second.lines[0].get_xdata()[0] == 7
    assert [text.get_text() for text in first.get_yticklabels()] == ["1  a", "2  b", "3  c"]
    assert first.get_xlim()[0] < 0.4
    assert first.get_xlim()[1] > 100
    assert first.get_xscale() == "log"


def test_peers_marks_every_ratio_once():
    by_peer = {"one": [2.0, np.nan], "other": [30.0, 4.0]}
    fig = fast.peers(["N = 3", "N = 10"], {"one thread": by_peer, "two threads": by_peer})
    for ax in fig.axes:
        dots = {line.get_label(): line for line in ax.lines if line.get_linestyle() == "None"}
        np.testing.assert_array_equal(dots["one"].get_xdata(), [2, np.nan])
        np.testing.assert_array_equal(dots["other"].get_xdata(), [30, 4])
        np.testing.assert_allclose(dots["other"].get_ydata(), [0, 1], atol=0.25)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["one", "other"]


def test_intervals_mark_the_draws_and_hatch_the_split_bucket() -> None:
    fig = fast.intervals([0.4, 0.4, 0.2], [0, 2**15], bits=16)
    top, below = fig.axes
    np.testing.assert_allclose(top.lines[0].get_xdata(), [0, 0.5])
    np.testing.assert_allclose([bar.get_width() for bar in top.patches], [0.4, 0.4, 0.2])
    hatched = [patch for patch in below.patches if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [int(0.4 * 2**16)]
