"""Figures of the task show the data that they are given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from figures import task

import scbtools as scb


def texts(fig: plt.Figure) -> list[str]:
    return [each.get_text() for ax in fig.axes for each in ax.texts]


def test_sequence_shows_tokens_weights_and_target() -> None:
    fig = task.sequence([1, 2, 0, 1], 0, [0, 2], [0.25, 0.75], vocab_size=3, source=2, target=1)
    shown = texts(fig)
    assert [each for each in shown if each in "abc" and each] == list("bcaba" + "b")
    assert [each.strip() for each in shown if each.strip().startswith("0.")] == ["0.25", "0.75"]
    arrows = [each for each in fig.axes[0].texts if getattr(each, "arrow_patch", None)]
    assert len(arrows) == 3  # two that attend, one step of P


def test_sequence_without_target_and_with_many_tokens() -> None:
    row = np.arange(60) % 30
    fig = task.sequence(row, 3, [1, 50], [0.5, 0.5], vocab_size=30)
    assert len([each for each in fig.axes[0].texts if getattr(each, "arrow_patch", None)]) == 1


def test_attention_columns_show_the_matrices() -> None:
    case = scb.SCBTask.random(3, 5, 2, seed=0)
    fig = task.attention_columns([case.attention, np.full((5, 3), 0.2)], ["truth", "uniform"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    np.testing.assert_array_equal(first.get_array(), case.attention)
    np.testing.assert_array_equal(second.get_array(), np.full((5, 3), 0.2))
    assert first.get_clim() == second.get_clim() == (0, 1)


def test_intervals_mark_the_draws_and_hatch_the_split_bucket() -> None:
    fig = task.intervals([0.4, 0.4, 0.2], [0, 2**15], bits=16)
    top, below = fig.axes
    np.testing.assert_allclose(top.lines[0].get_xdata(), [0, 0.5])
    np.testing.assert_allclose([bar.get_width() for bar in top.patches], [0.4, 0.4, 0.2])
    hatched = [patch for patch in below.patches if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [int(0.4 * 2**16)]


def test_agreement_counts_the_cells_with_more_evidence() -> None:
    fig = task.agreement([0.1, 0.2], [0.1, 0.3], [1.0, 4.0], 10.0, [100.0, 200.0])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0.1, 0.3])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1, 1], [4, 0.5]])
    assert right.lines[2].get_xdata()[0] == 10
