"""The figures of chapter 10 draw the runs that they are given, each method by its own look."""

import numpy as np
import pytest
from figures import captions

STEPS = np.array([0.0, 10, 20])
RUNS = {
    "sgd": np.array([[3.0, 2, 1], [5, 4, 3], [4, 3, 2]]),
    "proximal": np.array([[3.0, 1, 1], [5, 2, 2], [4, 0, 0]]),
}
AFTER = {"sgd": [0.1, 0.2, 0.3], "proximal": [0.4, 0.5, 0.6]}


def test_a_proximal_run_is_shown_before_and_after_the_cut(by_label):
    setting = captions.Setting(RUNS, AFTER, {"V": np.ones((3, 3)), "A": np.full((3, 3), 0.9)})
    fig = captions.distances(STEPS, {"one": setting, "two": setting}, switch=10, effect=0.5)
    top, below = by_label(fig.axes[0]), by_label(fig.axes[2])
    np.testing.assert_array_equal(top["SGD"].get_ydata(), [4, 3, 2])
    np.testing.assert_array_equal(top["proximal"].get_xdata(), [0, 10, 10, 20])
    np.testing.assert_array_equal(top["proximal"].get_ydata(), [4, 3, 1, 1])
    assert top["SGD, rounded"].get_ydata()[0] == pytest.approx(0.2)
    assert top["proximal, rounded"].get_ydata()[0] == pytest.approx(0.5)
    np.testing.assert_array_equal(below["distance of A"].get_ydata(), [0.9, 0.9, 0.9])


def test_signals_are_drawn_with_the_recursion_and_noise_without(by_label):
    runs = {m: {"alpha_V": v, "delta_A": 2 * v} for m, v in RUNS.items()}
    fig = captions.signals_and_errors(STEPS, runs, expected=np.array([[0, 9], [1, 9], [2, 9]]))
    signal, noise = (by_label(ax) for ax in fig.axes)
    np.testing.assert_array_equal(signal["without noise"].get_ydata(), [0, 1, 2])
    assert "without noise" not in noise
    np.testing.assert_array_equal(noise["SGD"].get_ydata(), [8, 6, 4])


def test_shares_are_drawn_against_c_and_the_gap_beside_them(by_label):
    shares = {"sgd": [(0.2, 0.1, 0.3)] * 3, "proximal": [(0.4, 0.3, 0.5)] * 3}
    gap = {"sgd": (0.9, 0.8, 1.0), "proximal": (1.0, 0.9, 1.0)}
    each = captions.Recovery(RUNS, AFTER, shares, gap)
    fig = captions.recovery(STEPS, [0.01, 0.1, 1.0], {"one": each}, switch=10)
    top, bottom = fig.axes
    lines = by_label(top)
    places = [lines[f"{name}, rounded"].get_xdata()[0] for name in ("SGD", "proximal")]
    assert STEPS.max() < places[0] < places[1]
    curves = [line.get_ydata().tolist() for line in bottom.lines if len(line.get_xdata()) == 3]
    assert curves == [[0.2] * 3, [0.4] * 3]
    marks = {each.get_label(): each[0] for each in bottom.containers}
    assert marks["proximal, at the gap"].get_ydata()[0] == 1.0
    assert marks["SGD, at the gap"].get_xdata()[0] > 1.0


def test_vocabularies_draw_both_methods_and_the_star_at_the_stop(by_label):
    curves = {m: {"error_A": v, "excess": v + 1} for m, v in RUNS.items()}
    each = captions.Vocabulary("N", STEPS - 10, curves, {"error_A": [5], "excess": [7]})
    fig = captions.vocabularies([each, each])
    top, bottom = by_label(fig.axes[0]), by_label(fig.axes[2])
    np.testing.assert_array_equal(top["SGD"].get_ydata(), [4, 3, 2])
    np.testing.assert_array_equal(top["proximal"].get_ydata(), [4, 1, 1])  # no cut at the stop
    star = top["proximal, rounded"]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0, 5)
    assert bottom["proximal, rounded"].get_ydata()[0] == 7
