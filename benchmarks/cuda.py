"""Race a training step on the GPU: scbtools against PyTorch and JAX, and against drawing alone.

    python -m benchmarks.cuda [--rounds 30] [--seq-len 100000] [--batch-size 1024]

All draw a fresh batch, compute both gradients and take a preconditioned step in float64. PyTorch
runs as written, through torch.compile, and replayed as a CUDA graph; JAX is one jitted loop. Every
peer first proves that it computes our gradient on our tokens. Rounds are interleaved, so that all
meet the same clocks; times are medians per step, written as CSV. `draw` only draws and stores the
tokens: the step is to run at no less than half that rate.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import scbtools as scb
from scbtools.engines import check_device
from scbtools.stages import Stage

ETA = 1e-3
STEPS = 20  # a round
OUTPUT = Path(__file__).with_name("cuda.csv")

Work = Callable[[], None]  # takes STEPS steps and returns when they are done


def ours(task: scb.SCBTask, batch_size: int) -> dict[str, Work]:
    """Return our training step, and the drawing of tokens alone."""
    from scbtools.cuda.engine import CudaEngine, TokenDrawer
    from scbtools.cuda.kernels import cuda

    start = scb.uniform_start(task)
    rows, value = np.ascontiguousarray(start.A.T), np.array(start.V)
    engine = CudaEngine(task, rows, value, np.uint64(0))
    engine.begin(Stage("race", STEPS, batch_size, eta_V=ETA / task.K_Q, eta_A=ETA / task.K_P))
    dtype = np.uint8 if task.vocab_size <= 256 else np.uint16
    tokens = cuda.device_array((batch_size, task.seq_len), dtype)
    drawer = TokenDrawer(task, np.uint64(0))

    def draw() -> None:
        for step in range(STEPS):
            drawer(tokens, step)
        cuda.synchronize()

    def train() -> None:
        engine.advance(0, STEPS)  # ends with a copy to the host, as a recording does

    return {"scbtools": train, "draw": draw}


def torch_peers(task: scb.SCBTask, batch_size: int) -> dict[str, Work]:
    """Return PyTorch's step: eager, compiled, and as a CUDA graph."""
    import torch

    from benchmarks.torch_gpu import TorchStep, same_gradient

    def fresh() -> TorchStep:
        return TorchStep(task, batch_size, ETA / task.K_Q, ETA / task.K_P, device="cuda")

    def repeated(step: Callable[[], object]) -> Work:
        def work() -> None:
            for _ in range(STEPS):
                step()
            torch.cuda.synchronize()

        return work

    batch = task.sample(16, seed=1)
    wanted = scb.minibatch_gradients(task, scb.uniform_start(task), 16, seed=1)
    check("PyTorch", wanted, same_gradient(fresh(), batch))
    peers = {"torch eager": repeated(fresh().step)}
    compiled = fresh()
    peers["torch.compile"] = repeated(torch.compile(compiled.step))
    graphed = fresh()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            graphed.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        graphed.step()
    peers["torch graph"] = repeated(graph.replay)
    return peers


def jax_peer(task: scb.SCBTask, batch_size: int) -> dict[str, Work]:
    """Return JAX's step: integer tokens, scatter and gather, all steps of a round in one loop."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    size, seq_len = task.vocab_size, task.seq_len
    mu = jnp.asarray(task.stationary)
    counts = np.diff(np.rint(np.concatenate([[0], np.cumsum(task.stationary)]) * 65536))
    table = jnp.asarray(np.repeat(np.arange(size), counts.astype(int)), jnp.int32)
    sparse = task.sparse_attention
    positions = jnp.asarray(sparse.positions)
    weights = jnp.log(jnp.asarray(sparse.weights))
    columns = jnp.log(jnp.asarray(task.transition.T))

    def gradient(params: Any, tokens: Any, last: Any, target: Any) -> Any:
        attention, value = params
        rows = jnp.arange(len(last))
        c = jnp.zeros((len(last), size)).at[rows[:, None], tokens].add(attention[last])
        r = (c @ value.T).at[rows, target].add(-1.0)
        w = jnp.take_along_axis(r @ value, tokens, axis=1)
        grad_a = jax.ops.segment_sum(w, last, num_segments=size) / len(last)
        return grad_a, r.T @ c / len(last)

    def step(params: Any, key: Any) -> tuple[Any, None]:
        k1, k2, k3, k4 = jax.random.split(key, 4)
        tokens = table[jax.random.bits(k1, (batch_size, seq_len), jnp.uint16)]
        last = table[jax.random.bits(k2, (batch_size,), jnp.uint16)]
        slot = jax.random.categorical(k3, weights[last])
        source = tokens[jnp.arange(batch_size), positions[last, slot]]
        target = jax.random.categorical(k4, columns[source])
        grad_a, grad_v = gradient(params, tokens, last, target)
        grad_a = (grad_a - grad_a.mean(axis=1, keepdims=True)) / mu[:, None]
        grad_v = grad_v / mu
        grad_v = grad_v - jnp.outer(grad_v @ mu, mu) / (mu @ mu)
        grad_v = grad_v - grad_v.mean(axis=0)
        attention, value = params
        return (attention - ETA / task.K_P * grad_a, value - ETA / task.K_Q * grad_v), None

    start = scb.uniform_start(task)
    params = jnp.asarray(start.A.T), jnp.asarray(start.V)
    batch = task.sample(16, seed=1)
    drawn = (jnp.asarray(x.astype(np.int32)) for x in batch)
    found = jax.jit(gradient)(params, *drawn)
    wanted = scb.minibatch_gradients(task, start, 16, seed=1)
    check("JAX", wanted, (np.asarray(found[0]).T, np.asarray(found[1])))
    many = jax.jit(lambda params, key: jax.lax.scan(step, params, jax.random.split(key, STEPS))[0])

    def work() -> None:
        jax.block_until_ready(many(params, jax.random.key(0)))

    return {"jax": work}


def check(name: str, wanted: Any, found: Any) -> None:
    """Stop where a peer computes another gradient: there would be nothing to race."""
    for x, y in zip(wanted, found, strict=True):
        difference = float(np.abs(x - y).max() / np.abs(x).max())
        if difference > 1e-9:
            sys.exit(f"The gradient of {name} differs by {difference:.1e}: nothing to race.")


def race(vocab_size: int, seq_len: int, batch_size: int, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each contestant: median and quartiles of milliseconds a step."""
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed=0)
    contestants = ours(task, batch_size)
    if importlib.util.find_spec("torch"):
        contestants |= torch_peers(task, batch_size)
    if importlib.util.find_spec("jax"):
        contestants |= jax_peer(task, batch_size)
    for work in contestants.values():  # compile, warm up
        work()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - start) / STEPS * 1e3)
    rows = []
    for name, taken in times.items():
        low, middle, high = np.quantile(taken, [0.25, 0.5, 0.75])
        rate = batch_size * seq_len / middle / 1e6
        print(
            f"{vocab_size:4d} {seq_len:7d} {batch_size:6d}  {name:14s} {middle:9.3f} ms "
            f"[{low:.3f}, {high:.3f}]  {rate:8.1f} G tokens/s",
            flush=True,
        )
        rows.append(
            {
                "vocab_size": vocab_size,
                "seq_len": seq_len,
                "batch_size": batch_size,
                "contestant": name,
                "ms": middle,
                "ms_low": low,
                "ms_high": high,
                "giga_tokens_per_second": rate,
                "rounds": rounds,
            }
        )
    return rows


def main() -> None:
    """Run the races that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vocab-size", type=int, nargs="+", default=[3, 64])
    parser.add_argument("--seq-len", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1024])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    try:
        check_device("cuda")
    except RuntimeError as error:
        sys.exit(f"This race needs an NVIDIA GPU. {error}")
    from scbtools.cuda.kernels import cuda

    name = cuda.get_current_device().name
    name = name.decode() if isinstance(name, bytes) else str(name)
    print(f"{name}, float64, sampling included; medians and quartiles per step.")
    rows = []
    for vocab_size in options.vocab_size:
        for batch_size in options.batch_size:
            rows += race(vocab_size, options.seq_len, batch_size, options.rounds)
    with options.output.open("w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, ["device", *rows[0]])
        writer.writeheader()
        writer.writerows({"device": name, **row} for row in rows)
    print(f"Written to {options.output}.")


if __name__ == "__main__":
    main()
