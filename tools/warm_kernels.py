"""Compile the kernels that every chapter uses, so that the first cell does not wait."""

from __future__ import annotations

import scbtools as scb


def main() -> None:
    """Take one gradient and one training step on small tasks."""
    for vocab_size in (3, 300):  # tokens of one byte, and of two
        task = scb.SCBTask.random(vocab_size=vocab_size, seq_len=50, sparsity=2, seed=0)
        params = scb.uniform_start(task)
        batch = task.sample(8, seed=0)
        scb.predict(params, batch)
        scb.minibatch_gradients(task, params, batch_size=8, seed=0)
        scb.train(task, scb.Stage("warm", 1, 8, eta_V=1e-3, eta_A=1e-3))


if __name__ == "__main__":
    main()
