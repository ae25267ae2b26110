"""Race the kernels in node against the same on one core here.

    python -m benchmarks.wasm [--rounds 20]

Both take the same steps, bit for bit, and turns within a round, so that they meet the same noise.
Rates are medians over rounds, in millions of tokens a second; the ratio is the median of ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

import scbtools as scb
from scbtools.engines import set_num_threads

SETTINGS = ((3, 500, 64, 400), (10, 1000, 256, 40))  # N, T, B, steps
MODULE = Path(__file__).resolve().parents[1] / "book" / "_static" / "live" / "scb.mjs"

# Reads tasks, then times a task's steps whenever its number comes in.
_NODE = """
import { createInterface } from "node:readline";
const { load } = await import(process.argv[1]);
const scb = await load();
const runs = [];
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  if (given.task) runs.push([scb.trainer(scb.task(given.task), given.rule), given.n]);
  const [run, n] = runs[given] ?? runs.at(-1);
  run.reset();
  const start = performance.now();
  run.step(n);
  console.log((performance.now() - start) / 1e3);
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    set_num_threads(1)
    command = ["node", "--input-type=module", "--eval", _NODE, MODULE.as_uri()]
    node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def in_node(given: object) -> float:
        assert node.stdin is not None
        assert node.stdout is not None
        print(json.dumps(given), file=node.stdin, flush=True)
        return float(node.stdout.readline())

    for index, (n, t, batch, steps) in enumerate(SETTINGS):
        task = scb.SCBTask.random(n, t, 2, seed=0)
        stage = scb.Stage("plain", steps, batch, eta_A=0.01 / task.K_P, eta_V=0.01 / task.K_Q)
        matrices = {"transition": task.transition.tolist(), "attention": task.attention.tolist()}
        rule = {"batchSize": batch, "etaA": stage.eta_A, "etaV": stage.eta_V}
        in_node({"task": matrices, "rule": rule, "n": steps})
        scb.train(task, stage, record_every=steps)
        here, there = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            scb.train(task, stage, record_every=steps)
            here.append(time.perf_counter() - start)
            there.append(in_node(index))
        tokens = t * batch * steps / 1e6
        rates = [tokens / statistics.median(times) for times in (here, there)]
        ratio = np.median(np.array(here) / there)
        print(
            f"N={n}, T={t}, B={batch}: one core {rates[0]:.0f}, node {rates[1]:.0f} Mtokens/s, ",
            end="",
        )
        print(f"{ratio:.2f} of the core's speed")
    node.terminate()


if __name__ == "__main__":
    main()
