"""Race a training step of scbtools against a hand-tuned PyTorch step, in one interleaved run.

Both draw a fresh batch, compute both gradients and take a preconditioned step, in float64 on one
thread. The peer first proves that it computes the same gradient on the same tokens. Times are
medians; their ratio is what counts, since both meet the same noise.

    python benchmarks/run.py [--rounds 60] [--seq-len 5000] [--batch-size 64]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

import scbtools as scb
from benchmarks.torch_peer import TorchStep, same_gradient
from scbtools.training import Stage

ETA = 1e-3
STEPS = 8  # a round; also what scbtools takes in one compiled call


def agree(task: scb.SCBTask, peer: TorchStep) -> float:
    """Return the largest relative difference of the two libraries' gradients on one batch."""
    batch_size = 64
    mine = scb.minibatch_gradients(task, scb.uniform_start(task), batch_size, seed=1)
    theirs = same_gradient(peer, task.sample(batch_size, seed=1))
    return max(
        float(np.abs(x - y).max() / np.abs(x).max()) for x, y in zip(mine, theirs, strict=True)
    )


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def race(vocab_size: int, seq_len: int, batch_size: int, rounds: int) -> None:
    """Print one line: medians of both, and quartiles of their ratio."""
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed=0)
    peer = TorchStep(task, batch_size, ETA / task.K_Q, ETA / task.K_P)
    difference = agree(task, peer)
    if difference > 1e-9:
        sys.exit(f"The peer's gradient differs by {difference:.1e}: nothing to race.")
    stage = Stage("race", STEPS, batch_size, eta_V=ETA / task.K_Q, eta_A=ETA / task.K_P)

    def ours() -> None:
        scb.train(task, stage, record_every=STEPS)

    def theirs() -> None:
        for _ in range(STEPS):
            peer.step()

    ours(), theirs()  # compile, warm up
    times = np.array([(seconds(ours), seconds(theirs)) for _ in range(rounds)]) / STEPS
    mine, other = np.median(times, axis=0)
    low, middle, high = np.quantile(times[:, 1] / times[:, 0], [0.25, 0.5, 0.75])
    print(
        f"{vocab_size:4d} {seq_len:8d} {batch_size:6d} {mine * 1e3:12.3f} {other * 1e3:12.3f} "
        f"{middle:8.1f}  [{low:.1f}, {high:.1f}]"
    )


def main() -> None:
    """Run the race that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocab-size", type=int, nargs="+", default=[3])
    parser.add_argument("--seq-len", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("One thread, float64, sampling included; times are medians in ms a step.")
    print("   N        T      B     scbtools      PyTorch    ratio  [quartiles]")
    for vocab_size in options.vocab_size:
        race(vocab_size, options.seq_len, options.batch_size, options.rounds)


if __name__ == "__main__":
    main()
