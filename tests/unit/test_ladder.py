"""Every rung of the ladder computes the gradient that the library computes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import scbtools as scb
from benchmarks import ladder
from benchmarks.ladder import LIMIT, disagreement, parameters
from benchmarks.rungs import SEED, draw_loops, draw_numpy, draw_only, rungs, sums_of
from scbtools.engines import set_num_threads
from tests.examples import on_threads


@pytest.fixture(autouse=True)
def _threads():
    with on_threads(1):
        yield


@pytest.mark.parametrize("shape", [(3, 700, 20), (10, 640, 33)], ids=str)
def test_all_rungs_agree(shape: tuple[int, int, int]) -> None:
    vocab_size, seq_len, batch_size = shape
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed=0)
    params = parameters(task)
    for rung in rungs(task, params, batch_size):
        set_num_threads(rung.threads)
        assert disagreement(task, params, batch_size, rung) <= LIMIT, rung.name


def test_draws_of_their_own_follow_the_task() -> None:
    task = scb.SCBTask.random(3, 40, 1, seed=0)
    sums, size = sums_of(task), 4000
    by_numpy = draw_numpy(np.random.default_rng(0), sums, size, task.seq_len)
    space = scb.Batch(np.empty((size, 40), np.uint8), np.empty(size, int), np.empty(size, int))
    draw_loops(*sums, *space)
    where = task.sparse_attention.positions[:, 0]
    for batch in (by_numpy, space):
        shares = np.bincount(batch.tokens.ravel(), minlength=3) / batch.tokens.size
        np.testing.assert_allclose(shares, task.stationary, atol=0.01)
        source = batch.tokens[np.arange(size), where[batch.last]]
        for m in range(3):
            law = np.bincount(batch.target[source == m], minlength=3) / (source == m).sum()
            np.testing.assert_allclose(law, task.transition[:, m], atol=0.08)


def test_the_floor_draws_the_batch_of_the_task() -> None:
    task = scb.SCBTask.random(3, 700, 2, seed=0)
    for mine, wanted in zip(draw_only(task, 5)(3), task.sample(5, SEED, 3), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_the_table_has_a_row_per_rung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "SETTINGS", ((3, 600, 4),))
    monkeypatch.setattr(ladder, "SHORTEST", 1e-5)
    monkeypatch.setattr("sys.argv", ["ladder", "--rounds", "2", "--out", str(tmp_path / "l.csv")])
    ladder.main()
    with (tmp_path / "l.csv").open(encoding="utf8", newline="") as file:
        head, floor, *rest = csv.reader(file)
    assert head == list(ladder.COLUMNS)
    assert floor[:6] == ["3", "600", "4", "0", "the tokens alone", "1"]
    task = scb.SCBTask.random(3, 600, 2, seed=0)
    wanted = [rung.name for rung in rungs(task, parameters(task), 4)]
    assert [row[4] for row in rest] == wanted
