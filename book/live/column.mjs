// One column of attention in Stage 2: each step a gradient, a threshold by lambda, a projection.

import { slider, toggle } from "./core.mjs";
import { key, label, line, panel, px, rings, rule, stems, tidy } from "./draw.mjs";
import { rates } from "./small.mjs";

const P = [[0.1, 0.5, 0.4], [0.3, 0.1, 0.5], [0.6, 0.4, 0.1]]; // prettier-ignore
const POSITIONS = [[65, 205], [23, 177], [42, 290]]; // prettier-ignore
const [T, SPARSITY, ATTENDED] = [300, 2, POSITIONS[0]];
const OTHERS = T - SPARSITY;
const [FIRST_BATCH, FIRST_ETA, ENOUGH] = [200, 0.1, 0.35]; // of Stage 1, and the signal that ends it
const LONG = 8; // over eta: how many steps Stage 2 takes
const NEAR_ZERO = 0.01; // below it the axis of entries is linear, beyond logarithmic
const TICKS = [-0.1, -0.02, 0, 0.02, 0.1, 0.5];

/**
 * @typedef {object} Column layers are its values before a step, during it, after it; histories have
 *   one number a step, from the start
 * @property {any} state @property {any} train @property {any} signals
 * @property {boolean} mirrored @property {boolean} done @property {number} level of the cut
 * @property {number} began steps of Stage 1 @property {number} steps @property {number} back
 * @property {Float64Array[]} layers @property {number[][]} attended @property {number[]} largest
 * @property {number[]} rest @property {number[]} gives @property {number[]} takes
 * @property {number[]} measured
 */

/** @type {Map<number, any>} */
const begun = new Map(); // runs at the end of Stage 1, by seed: lambda and B come after it

/** A run that has done Stage 1, to be copied. @param {number} seed @param {any} scb */
function boosted(seed, scb) {
  const known = begun.get(seed);
  if (known) return known;
  const weights = POSITIONS.map((row) => row.map(() => 1 / SPARSITY));
  const task = scb.task({ transition: P, positions: POSITIONS, weights, seqLen: T });
  const stop = { until: "max_signal", target: ENOUGH };
  const rule = { seed, batchSize: FIRST_BATCH, ...rates(task, FIRST_ETA), ...stop };
  const run = scb.trainer(task, rule);
  run.step(2000);
  if (begun.size > 20) begun.clear();
  begun.set(seed, run);
  return run;
}

/** Entries that are not attended. @param {Float64Array} values */
const others = (values) => values.filter((_, t) => !ATTENDED.includes(t));

/** How many of them are not zero. @param {Float64Array} values */
const left = (values) => others(values).filter((a) => a !== 0).length;

/** Note where a run stands, and what the proposition says of it. @param {Column} run */
function note(run) {
  const { l1, eta } = run.state;
  run.signals = run.train.signals();
  const { alpha_V: v, alpha_A: a } = run.signals;
  run.attended.forEach((each, i) => each.push(run.train.A[0][ATTENDED[i]]));
  run.largest.push(others(run.train.A[0]).reduce((most, x) => Math.max(most, Math.abs(x)), 0));
  run.gives.push(eta * run.train.task.K_Q * (1 - a * v) * v);
  run.rest.push(1 / SPARSITY / v - l1 / (eta * v * v));
}

/** Who has won: nothing is left, noise drowns the entries or pushes A up, the penalty, or neither. @param {Column} run */
function fate(run) {
  const { alpha_V: v, alpha_A: a } = run.signals;
  const least = Math.min(...run.attended.map((each) => each[run.steps]));
  if (a < 0.1) return "gone";
  if (run.largest[run.steps] > 0.4 * least) return "drowned";
  return a - v > 0.2 ? "noise" : v - a > 0.2 ? "penalty" : "neither";
}

/** A place on the axis of entries. @param {number} a */
const stretch = (a) => Math.asinh(a / NEAR_ZERO);

/** Draw one layer; before the first step those of the cut. @param {Column} run @param {number} i @param {any} at where, and the panel's words */
function layer(run, i, at) {
  const { l1, cut } = run.state;
  const p = panel({
    ...at, xlim: [0, T], ylim: [stretch(-0.2), stretch(1.1)], xticks: [1, 100, 200], yticks: TICKS.map(stretch),
    title: (run.steps ? ["1 gradient", "2 threshold", "3 projection"] : ["after Stage 1", "cut", "projection"])[i],
  }); // prettier-ignore
  const values = run.layers[i];
  // Between −λ and λ the threshold leaves nothing; the cut takes all that is below its level.
  const [low, high] = run.steps ? [-l1, l1] : [-0.2, run.level];
  const goes = !i && (run.steps || cut);
  let body = p.markup;
  if (goes) {
    const [y0, y1] = [p.y(stretch(low)), p.y(stretch(high))];
    body += `<rect class="area soft" x="${px(p.left)}" y="${y1}" width="${px(p.right - p.left)}" height="${px(y0 - y1)}" fill-opacity="0.25"/>`;
    body += rule(p, { y: stretch(high) }, "theory dashed");
  }
  const part = (/** @type {boolean} */ gone) =>
    Array.from(values, (a) => ((goes && a >= low && a < high) === gone ? stretch(a) : 0));
  body += (goes ? stems(p, part(true), "soft") : "") + stems(p, goes ? part(false) : Array.from(values, stretch), "a"); // prettier-ignore
  body += rings(p, ATTENDED.map((t) => t + 1), ATTENDED.map((t) => stretch(values[t]))); // prettier-ignore
  const below = cut ? `grey: below ${tidy(run.level, 2)}` : "";
  const grey = run.steps ? (l1 ? "grey: within ±λ" : "no λ") : below;
  const added = Math.abs(run.back) < 1e-12 ? 0 : run.back; // what rounding leaves is nothing
  const back = run.steps ? `${added > 0 ? "+" : ""}${tidy(added, 2)} to each` : "";
  const told = [grey, `${left(values)} others left`, back][i];
  return body + label(p.left + 8, p.bottom - 8, told, "halo");
}

/** @type {import("./core.mjs").Figure} */
export const column = {
  name: "column",
  title: "One column of attention in Stage 2",
  controls: [
    slider("l1", "penalty λ", [0, 0.0001, 0.0003, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.05], 0.003), // prettier-ignore
    slider("B", "batch size B", [16, 32, 64, 128, 256, 512], 256),
    slider("eta", "base rate η of Stage 2", [0.02, 0.05, 0.1], 0.05),
    toggle("cut", "cut first", true),
  ],
  extra: { seed: 1 },
  presets: [
    ["λ = 0", { l1: 0 }],
    ["λ = 0.003", {}],
    ["no cut", { cut: false }],
    ["λ = 0.03", { l1: 0.03 }],
    ["B = 16", { B: 16, l1: 0 }],
  ],
  bet: {
    question: "A first gradient gives an attended entry about 0.008. What is the largest λ that the signal survives?",
    options: ["about half of that", "just that", "more than twice that"],
    outcome: (run) => (run.done && run.state.l1 > 1.2 * run.gives[0] && fate(run) !== "gone" ? 2 : -1),
  }, // prettier-ignore
  still: { steps: 30 },

  start(state, scb) {
    const train = boosted(state.seed, scb).copy();
    const mirrored = train.looksMirrored();
    if (mirrored) train.reflect();
    const level = (0.5 * train.signals().alpha_V) / SPARSITY;
    const before = train.A[0].slice();
    const kept = before.map((/** @type {number} */ a) => (state.cut && a < level ? 0 : a));
    if (state.cut) train.threshold(level);
    const { B, eta, l1 } = state;
    train.set({ batchSize: B, ...rates(train.task, eta), l1, until: null });
    const run = {
      state, train, signals: null, mirrored, level, began: train.steps, steps: 0, done: false, back: NaN,
      layers: [before, kept, train.A[0].slice()],
      attended: [[], []], largest: [], rest: [], gives: [], takes: [NaN], measured: [NaN],
    }; // prettier-ignore
    note(run);
    return run;
  },

  step(/** @type {Column} */ run, n) {
    const { state, train } = run;
    const rate = state.eta / train.task.K_P / train.task.stationary[0];
    for (let taken = 0; taken < n; taken++) {
      if (run.done) return taken;
      const old = /** @type {Float64Array} */ (train.A[0]).slice();
      const raw = /** @type {Float64Array} */ (train.gradients().A[0]);
      const mean = raw.reduce((sum, g) => sum + g, 0) / T;
      const moved = old.map((a, t) => a - rate * (raw[t] - mean));
      const shrunk = moved.map((x) => Math.max(x - state.l1, 0) + Math.min(x + state.l1, 0));
      train.step(1);
      run.steps += 1;
      run.done = run.steps >= Math.round(LONG / state.eta);
      run.layers = [moved, shrunk, train.A[0].slice()];
      run.back = run.layers[2][0] - shrunk[0]; // what the projection adds to every entry
      run.takes.push(state.l1 - run.back);
      run.measured.push(ATTENDED.reduce((sum, t) => sum + (moved[t] - old[t]) / SPARSITY, 0));
      note(run);
    }
    return n;
  },

  draw(/** @type {Column} */ run, width) {
    const wide = width >= 560;
    const [margin, gap, tall] = [44, 18, wide ? 150 : 110];
    const across = wide ? (width - margin - 8 - 2 * gap) / 3 : width - margin - 8;
    let [body, top] = ["", 24];
    for (let i = 0; i < (run.steps || run.state.cut ? 3 : 1); i++) {
      body += layer(run, i, {
        left: margin + (wide ? i * (across + gap) : 0), top, width: across, height: tall,
        xlabel: wide || i === 2 ? "position t" : "", ynames: TICKS.map((t) => (wide && i ? "" : tidy(t))),
      }); // prettier-ignore
      if (!wide) top += tall + 46;
    }
    if (wide || (!run.steps && !run.state.cut)) top += (wide ? 1 : 2) * (tall + 46);

    const steps = Math.round(LONG / run.state.eta);
    const xs = run.largest.map((_, i) => i);
    const size = { width: wide ? (width - 2 * margin - 16) / 2 : across, height: 116 };
    const within = (/** @type {number[]} */ ys, /** @type {number} */ most) => ys.map((y) => (y >= 0 && y <= most ? y : NaN)); // prettier-ignore
    top += 32;
    const axes = { ...size, xlim: [0, steps], xlabel: "step of Stage 2" }; // prettier-ignore
    const entries = panel({ ...axes, left: margin, top, ylim: [0, 1.05] });
    body += entries.markup + line(entries, xs, run.largest, "soft");
    body += line(entries, xs, within(run.rest, 1.05), "theory thin dashed");
    for (const each of run.attended)
      body += line(entries, xs, each, "a") + rings(entries, [run.steps], [each[run.steps]], 4);
    body += key(margin, top - 8, [["a", "attended"], ["soft", "noise"], ["theory thin dashed", "at rest"]]); // prettier-ignore
    if (!wide) top += size.height + 76;

    const high = 1.4 * Math.max(run.state.l1, run.gives[0]);
    const left = wide ? margin + size.width + 16 + margin : margin;
    const forces = panel({ ...axes, left, top, width: wide ? width - left - 8 : across, ylim: [0, high] }); // prettier-ignore
    body += forces.markup + line(forces, xs, within(run.gives, high), "good");
    body += line(forces, xs, within(run.takes, high), "bad dashed");
    body += key(left, top - 8, [["good", "gradient gives"], ["bad dashed", "λ takes, net"]]); // prettier-ignore
    return { height: top + size.height + 44, body };
  },

  words(/** @type {Column} */ run) {
    const { l1, cut } = run.state;
    const { alpha_V: v, alpha_A: a, error_A: off } = run.signals;
    const at = run.steps;
    const two = run.attended.map((each) => tidy(each[at], 2)).join(" and ");
    if (!at) {
      const kept = cut ? `The cut at ${tidy(run.level, 2)} leaves ${left(run.layers[1])} of ${OTHERS} others.` : "Nothing is cut."; // prettier-ignore
      return `Stage 1 has ended after ${run.began} steps${run.mirrored ? ", in the mirror, and was turned round" : ""}: attended entries ${two}. ${kept}`;
    }
    if (!run.done) {
      const [gives, takes] = [run.gives[at - 1], run.takes[at]];
      const gone = `the threshold silences ${OTHERS - left(run.layers[1])} of ${OTHERS} others`;
      const silent = l1 ? gone : "without λ all noise stays";
      return `Step ${at}: ${silent}. An attended entry is given ${tidy(gives, 2)} and loses ${tidy(takes, 2)}: it ${gives > takes ? "grows" : "shrinks"}.`;
    }
    const times = `λ is ${tidy(l1 / run.gives[0], 2)} times what a first step gives (${tidy(run.gives[0], 2)})`;
    const told = {
      gone: `The signal is gone: ${times}.`,
      drowned: `Noise drowns the signal: some other entry has reached ${tidy(run.largest[at], 2)}, beside ${two}.`,
      noise: "Noise wins: it pulls V down, and A rises in its place.",
      penalty: `The penalty wins: it holds A down, and V rises in its place.${l1 > run.gives[0] ? ` The signal lives, though ${times}.` : ""}`,
      neither: "Neither wins: noise and penalty hold each other.",
    };
    return `After ${at} steps. ${told[fate(run)]} Signals: ${tidy(a, 2)} in A, ${tidy(v, 2)} in V; distance of A ${tidy(off, 2)}.`;
  },

  python: (/** @type {Column} */ { state, steps }) => `import scbtools as scb

P = ${JSON.stringify(P)}
positions = ${JSON.stringify(POSITIONS)}
task = scb.SCBTask.from_sparse(P, positions, [[0.5, 0.5]] * 3, ${T})
boost = scb.recipes.boost(task, 2000, ${FIRST_BATCH}, ${FIRST_ETA}, ${ENOUGH})
learn = scb.Stage(
    "learn", ${steps}, ${state.B}, l1=${state.l1},
    eta_V=${state.eta} / task.K_Q, eta_A=${state.eta} / task.K_P,
    before=[scb.Transform("reflect")${state.cut ? ', scb.Transform("threshold")' : ""}],
)
run = scb.train(task, [boost, learn], seed=${state.seed}, record_every=1000)
print(*run.params.A[:, 0])
`,

  data: (/** @type {Column} */ run) => ({
    steps: run.steps, ...run.signals, fate: fate(run), largest: run.largest[run.steps],
    gives: run.gives, takes: run.takes, measured: run.measured,
    layers: run.layers.map((each) => Array.from(each)), python: Array.from(run.train.A[0]),
  }), // prettier-ignore
};
