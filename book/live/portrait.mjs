// The plane of the two signals under eq. 8: drag the start, see which side it goes to.

import { range, slider, toggle } from "./core.mjs";
import { dots, key, label, line, panel, tidy } from "./draw.mjs";

const LIMIT = 1.6; // of the plane that is seen
const MOST = 20000; // steps of a path
const NEAR = 1e-3; // 1 - product that counts as arrived

/** The hyperbola alpha_V alpha_A = 1, for x of one sign. @param {number} sign */
function hyperbola(sign) {
  const xs = Array.from({ length: 60 }, (_, i) => sign * (1 / LIMIT) * (LIMIT * LIMIT) ** (i / 59));
  return [xs, xs.map((x) => 1 / x)];
}

/** @type {import("./core.mjs").Figure} */
export const portrait = {
  name: "portrait",
  title: "The plane of the two signals",
  controls: [
    slider("T", "sequence length T", [10, 20, 50, 100, 200, 500, 1000, 5000, 20000, 100000], 100),
    slider("eta", "base rate η", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], 0.05),
    toggle("zoom", "zoom in on the start"),
  ],
  extra: { v: 0, a: 0 },
  presets: [
    ["from (0, 0)", {}],
    ["from (1, 0)", { v: 1, a: 0 }],
    ["just below the watershed", { v: -0.3, a: 0.2 }],
    ["a mirror start", { v: -0.2, a: -0.2 }],
  ],
  bet: {
    question: "Start at (1, 0): V is known, A is not. Where does it land?",
    options: ["at (1, 1)", "on the curve, with V larger", "on the curve, with A larger"],
    outcome: (run) =>
      run.state.v !== 1 || run.state.a !== 0 || !run.done ? -1 : Math.abs(run.v - run.a) < 0.02 ? 0 : run.v > run.a ? 1 : 2, // prettier-ignore
  },
  still: { state: {}, steps: 400 },

  start: (state, scb) => ({
    state, scb, K_Q: (1 - 1 / state.T), v: state.v, a: state.a, steps: 0, done: false,
    vs: [state.v], as: [state.a],
  }), // prettier-ignore

  step(run, n) {
    const { eta, T } = run.state;
    for (let i = 0; i < n; i++) {
      if (run.done) return i;
      [run.v, run.a] = run.scb.signalStep(run.v, run.a, eta, run.K_Q, T);
      run.steps++;
      run.vs.push(run.v);
      run.as.push(run.a);
      run.done = Math.abs(1 - run.v * run.a) < NEAR || run.steps >= MOST;
    }
    return n;
  },

  draw(run, width) {
    const wide = width >= 560;
    const side = wide ? 300 : Math.min(width - 70, 300);
    const reach = run.state.zoom ? 0.4 : LIMIT;
    const plane = panel({
      left: 46, top: 26, width: side, height: side, xlim: [-reach, reach], ylim: [-reach, reach],
      xlabel: "α of V", ylabel: "α of A",
    }); // prettier-ignore
    const inside = (/** @type {number[][]} */ [xs, ys]) => line(plane, xs, ys, "theory dashed thin");
    let body = plane.markup;
    if (!run.state.zoom) body += inside(hyperbola(1)) + inside(hyperbola(-1));
    // The watershed: v + a = 0, but for the small push 1/T that V gets.
    body += line(plane, [-reach, reach], [reach, -reach], "soft thin");
    body += dots(plane, [1], [1], "ring truth", 7) + line(plane, run.vs, run.as, run.v + run.a < 0 ? "mirror" : "good");
    body += dots(plane, [run.state.v], [run.state.a], "truth", 5) + dots(plane, [run.v], [run.a], "good", 5);
    const left = wide ? side + 120 : 46;
    const top = wide ? 26 : side + 100;
    const span = Math.max(50, run.steps);
    const time = panel({
      left, top, width: width - left - 14, height: wide ? side - 24 : 150, xlim: [0, span],
      ylim: [-1.2, 1.6], xlabel: "step", ylabel: "signals",
    }); // prettier-ignore
    const each = Math.max(1, Math.ceil(run.vs.length / 400));
    const some = run.vs.map((/** @type {number} */ _, /** @type {number} */ i) => i).filter((/** @type {number} */ i) => i % each === 0 || i === run.steps);
    const at = (/** @type {number[]} */ values) => some.map((/** @type {number} */ i) => values[i]);
    body += time.markup + line(time, some, at(run.vs), "v") + line(time, some, at(run.as), "a");
    body += key(left + 10, top + 14, [["v", "V"], ["a", "A"]]); // prettier-ignore
    return { height: (wide ? side : top + 150 - 26) + 76, body };
  },

  words(run) {
    const { v, a, T } = run.state;
    const from = `From (${tidy(v)}, ${tidy(a)}) with T = ${tidy(T)}`;
    const at = `(${tidy(run.v)}, ${tidy(run.a)})`;
    if (!run.done) return `${from}: at step ${tidy(run.steps)} the signals are ${at}.`;
    if (run.steps >= MOST) return `${from}: after ${tidy(MOST)} steps still at ${at}.`;
    const side = run.v > 0 ? "the right side" : "the mirror's side";
    return `${from}: it lands on ${side}, at ${at}, after ${tidy(run.steps)} steps. Their product is 1, so the loss is as small as it can be.`;
  },

  python: (run) => `from scbtools.population import signal_step

v, a = ${run.state.v}, ${run.state.a}
for step in range(${run.steps}):
    v, a = signal_step(v, a, eta=${run.state.eta}, K_Q=1 - 1 / ${run.state.T}, seq_len=${run.state.T})
print(v, a)
`,

  data: (run) => ({ steps: run.steps, alpha_V: run.v, alpha_A: run.a, python: [run.v, run.a] }),

  touch(run, x, y) {
    const reach = run.state.zoom ? 0.4 : LIMIT;
    const side = 300;
    const v = ((x - 46) / side) * 2 * reach - reach;
    const a = reach - ((y - 26) / side) * 2 * reach;
    if (Math.abs(v) > reach || Math.abs(a) > reach) return undefined;
    return { v: Math.round(v * 100) / 100, a: Math.round(a * 100) / 100 };
  },
};
