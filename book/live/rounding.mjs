// A column of trained attention, rounded at a level: what is kept, and what the signals see of it.

import { choice, slider } from "./core.mjs";
import { dots, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";
import { rates } from "./small.mjs";

const P = [[0.1, 0.5, 0.4], [0.3, 0.1, 0.5], [0.6, 0.4, 0.1]]; // prettier-ignore
const POSITIONS = [[45, 137], [23, 117], [82, 190]]; // prettier-ignore
const [T, SPARSITY, ETA, STEPS, TOKENS] = [200, 2, 0.05, 40, 3];
const LEVELS = [0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.7, 2]; // prettier-ignore

/**
 * @typedef {object} Rounded what one constant leaves, with V by least squares; or only `empty`
 * @property {number} [empty] a column with nothing to keep @property {any} [now] the signals
 * @property {number} kept entries a column @property {number} lost @property {number} extra
 * @property {number} excess loss above Bayes @property {Float64Array[]} columns after it
 */
/** @typedef {{train: any, before: any, k: number, sweep: Map<number, Rounded>}} Ready k: which column is shown */

/** @type {Map<string, Ready>} */
const known = new Map(); // by what is asked of training: a constant needs no new one

/** The two weights. @param {string} heavier */
const pair = (heavier) => [Number(heavier), 1 - Number(heavier)];

/** Round at c. @param {any} train @param {number} c @returns {Rounded} */
function rounded(train, c) {
  const run = train.copy();
  const largest = run.A.map((/** @type {number[]} */ row) => Math.max(...row));
  const empty = largest.findIndex((/** @type {number} */ a) => a < c / SPARSITY);
  const nothing = { kept: NaN, lost: NaN, extra: NaN, excess: NaN };
  if (empty >= 0) return { empty, ...nothing, columns: P.map(() => new Float64Array(T)) };
  run.round(c / SPARSITY);
  run.leastSquares();
  const rows = /** @type {Float64Array[]} */ (run.A);
  const kept = rows.reduce((n, row) => n + row.filter((a) => a > 0).length, 0);
  const lost = POSITIONS.reduce((n, at, k) => n + at.filter((t) => rows[k][t] === 0).length, 0);
  const extra = kept - (SPARSITY * TOKENS - lost);
  const excess = run.loss() - run.task.bayesLoss();
  return { kept: kept / TOKENS, lost, extra, excess, now: run.signals(), columns: rows };
}

/** Train on from the truth: noise moves entries, and the signals along the valley. @param {any} state @param {any} scb @returns {Ready} */
function trained({ B, weights, seed }, scb) {
  const name = `${B} ${weights} ${seed}`;
  const found = known.get(name);
  if (found) return found;
  const q = pair(weights);
  const weighted = P.map(() => q);
  const task = scb.task({ transition: P, positions: POSITIONS, weights: weighted, seqLen: T });
  const train = scb.trainer(task, { seed, batchSize: B, ...rates(task, ETA) });
  const A = POSITIONS.map((at) =>
    Array.from({ length: T }, (_, t) => (at.includes(t) ? q[at.indexOf(t)] : 0)),
  );
  train.reset({ A, V: P });
  train.step(STEPS);
  const sweep = new Map(LEVELS.map((c) => [c, rounded(train, c)]));
  if (known.size > 30) known.clear();
  // The column that will be the first to lose an entry is the one to look at.
  const least = POSITIONS.map((at, k) => Math.min(...at.map((t) => train.A[k][t])));
  const k = least.indexOf(Math.min(...least));
  known.set(name, { train, before: train.signals(), k, sweep });
  return /** @type {Ready} */ (known.get(name));
}

/** @typedef {Ready & {state: any, here: Rounded}} Run */

/** The constants around this one that keep just what is attended. @param {Run} run */
function plateau(run) {
  const right = LEVELS.filter((c) => run.sweep.get(c)?.lost === 0 && run.sweep.get(c)?.extra === 0);
  return right.length ? [right[0], right[right.length - 1]] : [];
}

/** @type {import("./core.mjs").Figure} */
export const rounding = {
  name: "rounding",
  title: "A column being rounded",
  controls: [
    slider("c", "constant c", LEVELS, 0.5),
    slider("B", "batch size B: less, more noise", [16, 32, 64, 128, 256], 64),
    choice("weights", "true weights", { 0.5: "even: 0.5 and 0.5", 0.6: "0.6 and 0.4", 0.75: "0.75 and 0.25" }, "0.5"), // prettier-ignore
  ],
  extra: { seed: 1 },
  presets: [
    ["c = 0.5", {}],
    ["too low", { c: 0.1 }],
    ["too high", { c: 1.2 }],
    ["uneven", { weights: "0.75", c: 0.7 }],
    ["B = 16", { B: 16 }],
  ],
  bet: {
    question:
      "Even weights. Raise c until an attended entry is lost: what will the signal of A say?",
    options: ["less than 1", "just 1", "more than 1"],
    outcome: (/** @type {Run} */ { state, here }) => (state.weights !== "0.5" || !(here.lost > 0) || here.extra > 0 ? -1 : Math.abs(here.now.alpha_A - 1) < 1e-6 ? 1 : here.now.alpha_A < 1 ? 0 : 2), // prettier-ignore
  },
  tour: { name: "c", values: LEVELS },
  still: { state: { c: 1.2 } },

  start(state, scb) {
    const ready = trained(state, scb);
    return { ...ready, state, here: ready.sweep.get(state.c) || rounded(ready.train, state.c) };
  },

  draw(/** @type {Run} */ run, width) {
    const { state, here, sweep, train, k } = run;
    const after = here.columns[k];
    const wide = width >= 560;
    const q = pair(state.weights);
    const level = state.c / SPARSITY;
    const places = POSITIONS[k].map((t) => t + 1);
    const [margin, gap] = [46, 40];
    const half = wide ? (width - margin - 8 - gap) / 2 : width - margin - 8;
    const axes = { width: half, height: wide ? 150 : 120, ylim: [-0.3, 1.1], xticks: [1, 50, 100, 150], xlim: [0, T], xlabel: "position t" }; // prettier-ignore
    let top = 24;
    const first = panel({ ...axes, left: margin, top, title: `column of token ${k + 1}` });
    const column = /** @type {Float64Array} */ (train.A[k]);
    const part = (/** @type {boolean} */ keep) => column.map((a) => (a >= level === keep ? a : 0));
    let body = first.markup + stems(first, part(false), "soft") + stems(first, part(true), "a");
    body +=
      rule(first, { y: level }, "theory dashed") +
      label(first.right, first.y(level) - 4, "c / Q", "end halo");
    body += rings(first, places, POSITIONS[k].map((t) => column[t])); // prettier-ignore
    if (!wide) top += axes.height + 68;
    const second = panel({
      ...axes,
      left: wide ? margin + half + gap : margin,
      top,
      title: "rounded; rings: the truth",
    });
    body += second.markup + stems(second, after, "a") + rings(second, places, q);
    if (here.empty !== undefined) body += label((second.left + second.right) / 2, top + 60, "nothing left to round", "middle strong halo"); // prettier-ignore
    else places.forEach((t, i) => {
      if (!after[t - 1]) body += label(second.x(t) + 9, second.y(q[i]) + 4, "lost", "bad strong halo"); // prettier-ignore
    }); // prettier-ignore
    top += axes.height + 74;

    const third = wide ? (width - margin - 8 - 2 * (gap + 12)) / 3 : half;
    const series = (/** @type {(each: Rounded) => number} */ of) =>
      LEVELS.map((c) => of(/** @type {Rounded} */ (sweep.get(c))));
    /** @type {[string, [string, (each: Rounded) => number][], [number, number], number[] | undefined][]} */
    const shown = [
      ["entries kept a column", [["truth", (each) => each.kept]], [0.9, 130], [2, 10, 100]],
      ["", [["a", (each) => each.now?.alpha_A ?? NaN], ["v", (each) => each.now?.alpha_V ?? NaN]], [0.1, 10], [0.1, 0.3, 1, 3, 10]],
      ["test loss above Bayes", [["truth", (each) => each.excess]], [0, 0.026], undefined],
    ]; // prettier-ignore
    shown.forEach(([ylabel, curves, ylim, yticks], i) => {
      const left = margin + (wide ? i * (third + gap + 12) : 0);
      const p = panel({ left, top, width: third, height: 100, xlim: [0.03, 2], xlog: true, xticks: [0.05, 0.2, 0.5, 1, 2], ylim, yticks, ylog: !!yticks, xlabel: "c", ylabel }); // prettier-ignore
      body += p.markup + rule(p, { x: state.c }, "theory dashed");
      if (!ylabel) body += key(left, top - 8, [["a", "αA"], ["v", "αV"]]); // prettier-ignore
      for (const [kind, of] of curves) {
        body += line(p, LEVELS, series(of), kind);
        if (Number.isFinite(of(here))) body += dots(p, [state.c], [of(here)], kind, 4);
      }
      if (!wide) top += 100 + 70;
    });
    return { height: wide ? top + 100 + 42 : top - 28, body };
  },

  words(/** @type {Run} */ run) {
    const { here, state, before } = run;
    const c = `c = ${tidy(state.c)}`;
    if (here.empty !== undefined)
      return `${c}: in column ${here.empty + 1} nothing reaches c/Q, and there is nothing to round.`;
    const { alpha_A, alpha_V, error_A } = here.now;
    const signals = `α of A is ${tidy(alpha_A)}, of V ${tidy(alpha_V)}; loss above Bayes ${tidy(here.excess, 2)}.`;
    const [low, high] = plateau(run);
    if (!here.lost && !here.extra)
      return `${c}: just the attended entries are kept, as with every c from ${tidy(low)} to ${tidy(high)}. The distance of A falls from ${tidy(before.error_A, 2)} to ${tidy(error_A, 2)}.`;
    const entries = (/** @type {number} */ n) => (n > 1 ? "entries" : "entry");
    const many = here.extra ? `${here.extra} ${entries(here.extra)} too many` : "";
    const lost = here.lost ? `${here.lost} attended ${entries(here.lost)} lost` : "";
    const blind = here.lost && !here.extra && Math.abs(alpha_A - 1) < 1e-6;
    const unseen = blind ? " A's signal does not see it; V's and the loss do." : "";
    const none = low ? "" : " No constant is right here.";
    return `${c}: ${[many, lost].filter(Boolean).join(", ")}. ${signals}${unseen}${none}`;
  },

  python(/** @type {Run} */ { state, here, k }) {
    return `import scbtools as scb
from scbtools.population import least_squares_value
from scbtools.updates import round_and_normalise

P = ${JSON.stringify(P)}
positions = ${JSON.stringify(POSITIONS)}
task = scb.SCBTask.from_sparse(P, positions, [[${pair(state.weights).join(", ")}]] * 3, ${T})
on = scb.Stage("on", ${STEPS}, ${state.B}, eta_V=${ETA} / task.K_Q, eta_A=${ETA} / task.K_P)
run = scb.train(task, on, scb.true_params(task), seed=${state.seed}, record_every=1000)
${
  here.empty === undefined
    ? `A = round_and_normalise(run.params.A, ${state.c} / ${SPARSITY})
now = scb.signals(task, scb.Params(A, least_squares_value(task, A)))
print(now.alpha_A, now.alpha_V, *A[:, ${k}])`
    : `# round_and_normalise(run.params.A, ${state.c} / ${SPARSITY}) raises: in column ${here.empty} nothing reaches the level`
}
`;
  },

  data: (/** @type {Run} */ { state, here, before, k }) => ({
    c: state.c, ...here, before, columns: here.columns.map((each) => Array.from(each)),
    python: here.empty === undefined ? [here.now.alpha_A, here.now.alpha_V, ...here.columns[k]] : [],
  }), // prettier-ignore
};
