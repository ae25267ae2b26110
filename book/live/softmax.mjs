// Two attended positions race: softmax's logits beside linear attention, under expected gradients.
// All unattended positions stay alike, and so do the columns: an attention of T by N is three
// numbers, two weights and that of any other position.

import { slider } from "./core.mjs";
import { dots, key, label, line, panel, rings, rule, tidy } from "./draw.mjs";

const ETA = 0.05;
const MOST = 2000; // steps
const LOST = 0.05; // of its due: a position with less has lost

/** The loss falls along -g; of other positions g is the last. @param {number[]} a @param {any} run @param {number} v */
const gradient = (a, { q }, v) => a.map((x, i) => v * v * x - (i < 2 ? v * q[i] : 0));

/** The mean of x over positions by weight. @param {number[]} a @param {number[]} x @param {number} T */
const over = (a, x, T) => a[0] * x[0] + a[1] * x[1] + (T - 2) * a[2] * x[2];

/** e^x. Engines differ in the last bit of Math.exp, which a swing would make visible. @param {number} x */
function exp(x) {
  const power = Math.round(x / Math.LN2);
  const rest = x - power * Math.LN2;
  let sum = 1;
  for (let i = 18; i > 0; i--) sum = 1 + (sum * rest) / i;
  return sum * 2 ** power;
}

/** By how much two weights differ whose logits are half above and half below their mean. @param {number[]} a @param {number} half */
function difference(a, half) {
  if (Math.abs(half) > 0.1) return a[0] - a[1];
  // Nearly equal ones would be rounded to a tie, and the race be over.
  const x = half * half;
  const sinh = half * (1 + (x / 6) * (1 + (x / 20) * (1 + (x / 42) * (1 + x / 72))));
  return ((a[0] + a[1]) * sinh) / Math.sqrt(1 + sinh * sinh);
}

/** Softmax of the logits mean + half, mean - half, and 0 at T - 2 positions. @param {{mean: number, half: number}} logits @param {number} T */
function weigh({ mean, half }, T) {
  const w = [mean + half, mean - half, 0];
  const e = w.map((x) => exp(x - Math.max(...w)));
  const sum = e[0] + e[1] + (T - 2) * e[2];
  return e.map((x) => x / sum);
}

/** alpha_V after a step (eq. 8). @param {number[]} a @param {any} run @param {number} v */
function value(a, { q, K_Q, state }, v) {
  return v + (ETA / K_Q) * (a[0] * q[0] + a[1] * q[1] - v * over(a, a, state.T));
}

/** The factor above which a pair on the truth overshoots. @param {number[]} q */
const limit = (q) => 2 / (ETA * (2 * q[0] * q[1]) ** 2);

/** Which way it ends: none yet, both kept, one lost, swinging. @param {any} run */
function ending({ softmax: soft, steps, q }) {
  const last = soft.slice(-40);
  const [low, high] = [Math.min, Math.max].map((end) =>
    end(...last.map((/** @type {number[]} */ a) => a[0])),
  );
  const [a, b] = soft[steps];
  if (a + b < 0.5 || steps < 40) return "none";
  if (high - low > 0.02) return "swings";
  if (Math.min(a / q[0], b / q[1]) < LOST) return "one";
  return Math.abs(a * q[1] - b * q[0]) < 0.05 ? "both" : "none";
}

/** @type {import("./core.mjs").Figure} */
export const softmax = {
  name: "softmax",
  title: "Two positions race for attention",
  controls: [
    slider("omega", "factor ω of softmax's rate", [10, 20, 50, 100, 150, 200, 250, 320, 400, 600, 1000, 2000, 4000, 10000, 40000], 100), // prettier-ignore
    slider("tie", "how far apart the logits start", [0, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.5], 1e-3),
    slider("heavy", "true weight of position 1", [0.5, 0.6, 0.7, 0.8, 0.9], 0.5),
    slider("T", "sequence length T", [20, 50, 100, 200, 400], 100),
  ],
  presets: [
    ["slow, ω = T", {}],
    ["matched, ω = T²", { omega: 10000 }],
    ["just too fast", { omega: 250 }],
    ["an exact tie", { omega: 10000, tie: 0 }],
    ["uneven, not too fast", { omega: 200, heavy: 0.7 }],
  ],
  bet: {
    question:
      "At the matched rate, with logits that differ by a thousandth, how does the race end?",
    options: ["both keep one half", "one takes all", "they swing for ever"],
    outcome(run) {
      const { omega, T, heavy, tie } = run.state;
      if (run.steps < MOST || omega !== T * T || heavy !== 0.5 || tie === 0) return -1;
      return ["both", "one", "swings"].indexOf(ending(run));
    },
  },
  still: { state: {}, steps: MOST },

  start(state) {
    const { T, heavy, tie } = state;
    const q = [heavy, 1 - heavy];
    const logits = { mean: 0, half: tie / 2 };
    const a = weigh(logits, T);
    return {
      state, q, K_Q: q[0] * q[0] + q[1] * q[1] - 1 / T, logits, steps: 0,
      softmax: [a], linear: [a], values: [0], linearValues: [0],
    }; // prettier-ignore
  },

  step(run, n) {
    const { q, state: { omega, T } } = run; // prettier-ignore
    for (let taken = 0; taken < n; taken++) {
      if (run.steps >= MOST) return taken;
      const [a, b] = [run.softmax[run.steps], run.linear[run.steps]];
      const [v, u] = [run.values[run.steps], run.linearValues[run.steps]];
      const g = gradient(a, run, v);
      const mean = over(a, g, T);
      const apart = difference(a, run.logits.half);
      const [forward, turn] = [(g[0] + g[1]) / 2 - mean, v * v * apart - v * (q[0] - q[1])];
      const sum = a[0] * (g[0] - mean) + a[1] * (g[1] - mean);
      run.logits = {
        mean: run.logits.mean - omega * ETA * (sum / 2 - a[2] * (g[2] - mean)),
        half: run.logits.half - (omega * ETA * (apart * forward + ((a[0] + a[1]) / 2) * turn)) / 2,
      };
      run.softmax.push(weigh(run.logits, T));
      run.values.push(value(a, run, v));
      const h = gradient(b, run, u);
      const middle = over([1, 1, 1], h, T) / T;
      run.linear.push(h.map((slope, i) => b[i] - ETA * (slope - middle)));
      run.linearValues.push(value(b, run, u));
      run.steps++;
    }
    return n;
  },

  draw(run, width) {
    const wide = width >= 560;
    const { state, q, steps } = run;
    const side = wide ? 220 : Math.min(width - 80, 220);
    const across = panel({
      left: 40, top: 30, width: wide ? width - side - 130 : width - 60, height: wide ? side : 170,
      xlim: [1, MOST], xlog: true, ylim: [0, 1.4], yticks: [0, 0.5, 1], xlabel: "step τ", ylabel: "weights and signal",
    }); // prettier-ignore
    // On a logarithmic axis, late steps share a pixel: some do. Odd strides, for swings.
    /** @type {number[]} */
    const some = [];
    for (let i = 1; i <= steps; i += Math.ceil(i / 80) | 1) some.push(i);
    if (steps && some[some.length - 1] !== steps) some.push(steps);
    const pick = (/** @type {number[][]} */ path, /** @type {number} */ i) =>
      some.map((at) => path[at][i]);
    const start = (Math.SQRT2 * state.T) / (ETA * Math.sqrt(state.omega));
    let body = across.markup + (start < MOST ? rule(across, { x: start }) : "");
    if (start < MOST) body += label(across.x(start) - 4, across.top + 12, "take-off", "small end");
    body += line(across, some, some.map((i) => run.values[i]), "v thin"); // prettier-ignore
    for (const [path, kind] of [[run.linear, "a"], [run.softmax, "good"]]) // prettier-ignore
      for (const i of [0, 1])
        body += line(across, some, pick(path, i), `${kind} ${i ? "dashed" : ""}`);

    const left = wide ? width - side - 20 : 52;
    const top = wide ? 30 : 270;
    const plane = panel({
      left, top, width: side, height: side, xlim: [0, 1], ylim: [0, 1], xticks: [0, 0.5, 1], yticks: [0, 0.5, 1],
      xlabel: "weight of position 1", ylabel: "weight of position 2",
    }); // prettier-ignore
    body += plane.markup + line(plane, [0, 1], [1, 0], "soft thin");
    body += rings(plane, [q[0]], [q[1]], 8);
    some.unshift(0);
    body += line(plane, pick(run.linear, 0), pick(run.linear, 1), "a");
    body += line(plane, pick(run.softmax, 0), pick(run.softmax, 1), "good thin");
    body += dots(plane, [run.softmax[steps][0]], [run.softmax[steps][1]], "good", 5);
    const names = [
      ["good", "softmax: 1"], ["good dashed", "2"], ["a", "linear: 1"], ["a dashed", "2"],
      ["v thin", "signal of V"], ["truth", "truth", "ring"],
    ]; // prettier-ignore
    const rows = wide ? [names] : [0, 2, 4].map((i) => names.slice(i, i + 2));
    rows.forEach((row, i) => (body += key(40, top + side + 58 + 22 * i, row)));
    return { height: top + side + 46 + 22 * rows.length, body };
  },

  words(run) {
    const { state, steps, q } = run;
    const [a, b] = run.softmax[steps];
    const beyond = state.omega > limit(q) ? "above" : "below";
    const about = `ω = ${tidy(state.omega)}, ${beyond} the limit of ${tidy(limit(q), 2)}. Step ${tidy(steps)}: weights ${tidy(a, 2)} and ${tidy(b, 2)}`;
    const tied = state.tie === 0 && state.heavy === 0.5 && beyond === "above";
    const ends = /** @type {Record<string, string>} */ ({
      none: a + b < 0.5 ? ". Softmax has not taken off." : ". They are not yet settled.",
      both: `. ${tied ? "An exact tie stays; the least difference would end it" : "Both positions are kept"}.`,
      one: ". One has taken all: the other has too little weight left to move.",
      swings: ". Every step overshoots: the two swing, and neither wins.",
    });
    return about + ends[ending(run)];
  },

  python: ({ state, steps }) => `import numpy as np
import scbtools as scb
from scbtools.transformer import softmax
from scbtools.updates import through_softmax

T, eta, omega = ${state.T}, ${ETA}, ${state.omega}
P = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]  # a, b, c, a, ...
positions = [[0, 1], [2, 3], [4, 5]]
weights = np.tile([${state.heavy}, 1 - ${state.heavy}], (3, 1))
task = scb.SCBTask.from_sparse(P, positions, weights, T)

w, V = np.zeros((T, 3)), scb.uniform_start(task).V
for k, (one, two) in enumerate(positions):
    w[one, k], w[two, k] = ${state.tie} / 2, -${state.tie} / 2
A = softmax(w)
for step in range(${steps}):
    here = scb.Params(A, V)
    g = scb.precondition(task, scb.population_gradients(task, here))
    V = V - eta / task.K_Q * g.V
    w = w - omega * eta / task.K_P * through_softmax(A, g.A)
    A = softmax(w)
alpha_V = scb.signals(task, scb.Params(A, V)).alpha_V
print(*np.round([A[0, 0], A[1, 0], alpha_V], 9))
`,

  data: (run) => ({
    steps: run.steps, weights: run.softmax[run.steps], alpha_V: run.values[run.steps],
    linear: run.linear[run.steps], limit: limit(run.q), ending: ending(run),
    python: [...run.softmax[run.steps].slice(0, 2), run.values[run.steps]].map((x) => Number(x.toFixed(9))),
  }), // prettier-ignore
};
