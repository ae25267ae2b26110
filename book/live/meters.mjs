// The noise of the attention gradient while a batch grows: a histogram, and two meters of its size.

import { tail } from "./chance.mjs";
import { slider } from "./core.mjs";
import { box, dots, held, key, label, line, panel, px, rings, rule, tidy } from "./draw.mjs";
import { inPython, smallTask } from "./small.mjs";

const TOKENS = [0, 1, 2];
const PULL = 0.375; // the expected step, half way on both lines, is 0.375 K_P (Q - 1 1'/T)
const LIMIT = 3; // of the histogram, in signals
const BINS = 64;
const LENGTHS = [100, 300, 1000, 3000, 10000, 30000];
const BASE = 100; // the length that the bet begins with

/** Samples that a step adds: few where sequences are long. @param {number} T */
const portion = (T) => (T > 10000 ? 2 : 4);

/** sigma^2 of the proposition; with even weights it is that of every column. @param {any} task */
function spread({ transition: P, stationary: mu, T }) {
  const moved = TOKENS.map((m) => TOKENS.map((n) => P[n][m] - mu[n]));
  const sum = (/** @type {(i: number, j: number) => number} */ of) =>
    TOKENS.reduce((all, i) => all + TOKENS.reduce((row, j) => row + of(i, j), 0), 0);
  const D = TOKENS.map((i) =>
    TOKENS.map((j) => TOKENS.reduce((all, m) => all + mu[m] * moved[m][i] * moved[m][j], 0)),
  );
  const [norm, match] = [(3 / T + 0.5) / 4, (1 / T + 0.5) / 2];
  // C = D / 4 and F + F' = D.
  return sum(
    (i, j) =>
      (D[i][j] / 4) * ((i === j ? mu[i] : 0) - mu[i] * mu[j] + (norm / 4 - match) * D[i][j]),
  );
}

/** The median of the largest of all entries with Gaussian noise, for B = 1. @param {number} sigma2 @param {ArrayLike<number>} mu @param {number} T */
function unluckiest(sigma2, mu, T) {
  let [low, high] = [0, 40 * Math.sqrt(sigma2)];
  for (let i = 0; i < 40; i++) {
    const level = (low + high) / 2;
    const above = TOKENS.map((k) => 2 * T * tail(level / Math.sqrt(sigma2 / mu[k])));
    if (above[0] + above[1] + above[2] > Math.LN2) low = level;
    else high = level;
  }
  return (low + high) / 2;
}

/** The noise so far: its entries, and both meters in units of the signal. @param {any} run */
function measure(run) {
  if (run.measured.samples === run.samples) return run.measured;
  const { T, stationary: mu, positions: at, weights } = run.task;
  const steps = run.samples / portion(T);
  const off = run.pull * (0 - 1 / T);
  let square = 0;
  let largest = 0;
  TOKENS.forEach((k) => {
    const [total, h] = [run.total[k], run.noise[k]];
    let mean = 0;
    for (let t = 0; t < T; t++) mean += h[t] = total[t] / steps / mu[k];
    mean /= T;
    for (let t = 0; t < T; t++) h[t] = h[t] - mean + off;
    at[k].forEach((/** @type {number} */ t, /** @type {number} */ i) => {
      h[t] = total[t] / steps / mu[k] - mean + run.pull * (weights[k][i] - 1 / T);
    });
    for (let t = 0; t < T; t++) {
      square += mu[k] * (h[t] * h[t]);
      largest = Math.max(largest, Math.abs(h[t]));
    }
  });
  const norm = Math.sqrt(square) / (run.pull * Math.sqrt(run.task.K_Q));
  run.measured = { samples: run.samples, norm, largest: largest / (run.pull / 2) };
  return run.measured;
}

/** @type {import("./core.mjs").Figure} */
export const meters = {
  name: "meters",
  title: "The noise of a gradient, and two meters of its size",
  controls: [
    slider("T", "sequence length T", LENGTHS, 1000),
    slider("B", "batch size B", [16, 64, 256, 1024, 4096], 256),
  ],
  extra: { seed: 0 },
  presets: [
    ["T = 100", { T: 100 }],
    ["T = 10,000", { T: 10000 }],
    ["T = 10,000, B = 1,024", { T: 10000, B: 1024 }],
  ],
  bet: {
    question:
      "T grows from 100 to 10,000, and B stays 256. How many times larger are the norm of the noise and its largest entry?",
    options: ["both 10 times", "10 times, and less than twice", "less than twice, and 10 times"],
    outcome(run) {
      if (run.state.T !== 100 * BASE || run.state.B !== 256 || run.samples < 256) return -1;
      const found = measure(run);
      const before = run.law(BASE);
      const [norm, largest] = [found.norm / before.norm, found.largest / before.largest];
      return norm > 5 ? (largest > 5 ? 0 : 1) : 2;
    },
  },
  still: { steps: 64 },

  start(state, scb) {
    const { T, B, seed } = state;
    const task = smallTask(scb, "random", T);
    const trainer = scb.trainer(task, { seed });
    const mu = task.stationary;
    TOKENS.forEach((k) => {
      trainer.A[k].fill(0.5 * (1 / T));
      for (const t of task.positions[k]) trainer.A[k][t] = 0.5 * (1 / T) + 0.25;
      TOKENS.forEach((m) => (trainer.V[k][m] = 0.5 * mu[k] + 0.5 * task.transition[k][m]));
    });
    const blank = () => TOKENS.map(() => new Float64Array(T));
    const run = { state, task, trainer, pull: PULL * task.K_P, samples: 0, total: blank(), noise: blank(), measured: {} }; // prettier-ignore
    // What the proposition foresees at any length, for a batch of one.
    const sigma2 = spread(task);
    const ahead = (/** @type {number} */ length) => ({
      norm: Math.sqrt((3 * length * sigma2) / (0.5 - 1 / length)) / run.pull,
      largest: unluckiest(sigma2, mu, length) / (run.pull / 2),
    });
    const known = Object.fromEntries(LENGTHS.map((length) => [length, ahead(length)]));
    const law = (/** @type {number} */ length, samples = B) => ({
      norm: known[length].norm / Math.sqrt(samples),
      largest: known[length].largest / Math.sqrt(samples),
    });
    meters.step?.(Object.assign(run, { law, sigma2 }), 1);
    return run;
  },

  step(run, n) {
    const some = portion(run.state.T);
    for (let i = 0; i < n; i++) {
      if (run.samples >= run.state.B) return i;
      const { A } = run.trainer.gradients(some, run.samples / some);
      TOKENS.forEach((k) =>
        A[k].forEach((/** @type {number} */ g, /** @type {number} */ t) => (run.total[k][t] += g)),
      );
      run.samples += some;
    }
    return n;
  },

  draw(run, width) {
    const { T } = run.state;
    const found = measure(run);
    const wide = width >= 560;
    const height = wide ? 250 : 210;
    const pile = panel({
      left: 50, top: 30, width: wide ? width * 0.55 - 60 : width - 64, height, xlim: [-LIMIT, LIMIT],
      ylim: [0.4, 6 * T], ylog: true, xticks: [-3, -2, -1, 0, 1, 2, 3], xlabel: "minus the gradient, in signals", ylabel: "entries",
    }); // prettier-ignore
    const unit = run.pull / 2;
    const counts = new Float64Array(BINS);
    /** @type {number[]} */
    const attended = [];
    TOKENS.forEach((k) => {
      const where = run.task.positions[k];
      const noise = run.noise[k];
      const at = (/** @type {number} */ value) =>
        held(Math.floor(((value / LIMIT + 1) / 2) * BINS), [0, BINS - 1]);
      for (let t = 0; t < T; t++) counts[at(-noise[t] / unit)]++;
      for (const t of where) {
        counts[at(-noise[t] / unit)]--;
        attended.push(held(1 - noise[t] / unit, [-LIMIT, LIMIT]));
      }
    });
    let body = pile.markup;
    const edge = (/** @type {number} */ i) => LIMIT * ((2 * i) / BINS - 1);
    counts.forEach((count, i) => {
      if (count) body += box(pile, edge(i), edge(i + 1), 0.4, count, "a", 0.75);
    });
    // How far out the largest entry of the noise is, on either side.
    for (const x of [-found.largest, found.largest])
      if (Math.abs(x) < LIMIT) body += rule(pile, { x }, "a");
    body += rule(pile, { x: 1 }, "good dashed") + rings(pile, attended, attended.map(() => 0.62)); // prettier-ignore
    body += label(pile.right - 4, pile.top + 14, `B = ${tidy(run.samples)}`, "end strong halo");

    const left = wide ? px(width * 0.55) + 48 : 50;
    const top = wide ? 30 : height + 116;
    const size = panel({
      left, top, width: width - left - 14, height, xlim: [70, 43000], ylim: [0.1, 300], xlog: true,
      ylog: true, xticks: [100, 1000, 10000], xlabel: "T",
      ylabel: "size of the noise, in signals",
    }); // prettier-ignore
    const laws = LENGTHS.map((length) => run.law(length, run.samples));
    body += size.markup + rule(size, { y: 1 }, "good dashed");
    body += line(size, LENGTHS, laws.map((each) => each.norm), "theory"); // prettier-ignore
    body += line(size, LENGTHS, laws.map((each) => each.largest), "theory dashed"); // prettier-ignore
    body += dots(size, [T], [found.norm], "sgd", 7) + dots(size, [T], [found.largest], "a", 7);
    body += key(left - 6, top + height + 54, [["sgd", "norm", "dot"], ["a", "largest entry", "dot"]]); // prettier-ignore
    body += key(pile.left, pile.bottom + 54, [["truth", "attended", "ring"], ["good dashed", "their signal"]]); // prettier-ignore
    return { height: top + height + 66, body };
  },

  words(run) {
    const { norm, largest } = measure(run);
    const noise = `T = ${tidy(run.state.T)}, ${tidy(run.samples)} samples: the norm of the noise is ${tidy(norm, 2)} times that of the signal, its largest entry ${tidy(largest, 2)} times the signal of an attended one.`;
    if (largest < 0.5)
      return `${noise} A threshold at half the signal keeps the attended positions and no others.`;
    return largest < 1 ? noise : `${noise} Entries of the pile pass for attended ones.`;
  },

  event: (run) => (run.samples >= run.state.B ? meters.words(run) : ""),

  python(run) {
    const { T, seed } = run.state;
    const some = portion(T);
    return `import numpy as np
from scbtools import Params, SCBTask, minibatch_gradients

T = ${T}
task = ${inPython("random", T)}
mu, Q = task.stationary[:, None], task.attention.T
half_way = Params((0.5 * (1 / T) + 0.5 * Q).T, 0.5 * mu + 0.5 * task.transition)
total = np.zeros((3, T))
for step in range(${run.samples / some}):
    total += minibatch_gradients(task, half_way, ${some}, seed=${seed}, step=step).A.T
G = total / ${run.samples / some} / mu
noise = G - np.cumsum(G, axis=1)[:, -1:] / T
noise += ${PULL} * task.K_P * (Q - 1 / T)  # minus its expectation
norm = np.sqrt(np.cumsum(mu * (noise * noise))[-1])
print(norm / (${PULL} * task.K_P * np.sqrt(task.K_Q)), abs(noise).max() / (${PULL} * task.K_P / 2))
`;
  },

  data(run) {
    const { norm, largest } = measure(run);
    const { samples, sigma2, law, state } = run;
    return { samples, sigma2, law: law(state.T, samples), python: [norm, largest] };
  },
};
