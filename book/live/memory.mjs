// One training set, again and again: what its loss says, what is true, and what the largest entries
// of A still know.

import { slider, toggle } from "./core.mjs";
import { clipped, dots, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";
import { inPython, rates, smallTask } from "./small.mjs";

const TOKENS = [0, 1, 2];
const KIND = "random"; // of the small tasks
const ETA = 0.05; // base rate
const END = 0.35; // of the larger signal, where Stage 1 ends
const L1 = 0.1 * ETA; // of the penalty, if there is one
const MORE = 300; // steps after Stage 1
const HIGH = 1.6; // of the panel of losses

/** Steps after which Stage 1 ends in any case. @param {number} T */
const limit = (T) => Math.floor((4 * Math.log(T)) / ETA);

/** The two largest entries of every column. @param {ArrayLike<number>[]} A */
const largest = (A) =>
  A.map((row) => Array.from(row, (_, t) => t).sort((s, t) => row[t] - row[s]).slice(0, 2)); // prettier-ignore

/** Half the mean squared error of predictions on the set. @param {any} run @param {(i: number) => number[]} predicted */
function onSet({ kept }, predicted) {
  let sum = 0;
  kept.last.forEach((/** @type {number} */ _, /** @type {number} */ i) =>
    predicted(i).forEach((p, n) => (sum += (p - (n === kept.target[i] ? 1 : 0)) ** 2)),
  );
  return sum / (2 * kept.last.length);
}

/** The loss on the set, of all that V and A know. @param {any} run */
function lossOnSet(run) {
  const { A, V } = run.trainer;
  return onSet(run, (i) => {
    const [row, tokens] = [A[run.kept.last[i]], run.kept.tokens[i]];
    const c = [0, 0, 0];
    for (let t = 0; t < row.length; t++) c[tokens[t]] += row[t];
    return TOKENS.map((n) => V[n][0] * c[0] + V[n][1] * c[1] + V[n][2] * c[2]);
  });
}

/** The V that fits the set best, if A has only these entries, one half each. @param {any} run @param {number[][]} entries */
function fitted({ kept }, entries) {
  const square = TOKENS.map(() => [0, 0, 0]); // C C' and E C', with V = E C' (C C')^-1
  const match = TOKENS.map(() => [0, 0, 0]);
  kept.last.forEach((/** @type {number} */ k, /** @type {number} */ i) => {
    const c = [0, 0, 0];
    for (const t of entries[k]) c[kept.tokens[i][t]] += 0.5;
    for (const n of TOKENS) {
      match[kept.target[i]][n] += c[n];
      for (const m of TOKENS) square[n][m] += c[n] * c[m];
    }
  });
  const minor = (/** @type {number} */ n, /** @type {number} */ m) => {
    const [r, s, u, v] = [(n + 1) % 3, (n + 2) % 3, (m + 1) % 3, (m + 2) % 3];
    return square[r][u] * square[s][v] - square[r][v] * square[s][u];
  };
  const whole = TOKENS.reduce((sum, m) => sum + square[0][m] * minor(0, m), 0);
  return match.map((row) =>
    TOKENS.map((n) => TOKENS.reduce((sum, m) => sum + row[m] * minor(n, m), 0) / whole),
  );
}

/** Losses now, above the least possible, in units of the trivial start's. @param {any} run */
function measure(run) {
  const scale = (/** @type {number} */ loss) => (loss - run.least) / (run.trivial - run.least);
  const { A, V } = run.trainer;
  run.inside.push(scale(lossOnSet(run)));
  run.outside.push(scale(run.trainer.loss()));
  const top = largest(A);
  const [kept, value] = [A.map((/** @type {number[]} */ row) => [...row]), V.map((/** @type {number[]} */ row) => [...row])]; // prettier-ignore
  run.shown = top.reduce((sum, row, k) => sum + row.filter((t) => run.task.positions[k].includes(t)).length, 0); // prettier-ignore
  if (run.boosting) return;
  // For a moment, the run is what its largest entries know.
  A.forEach((/** @type {Float64Array} */ row, /** @type {number} */ k) => {
    row.fill(0);
    for (const t of top[k]) row[t] = 0.5;
  });
  fitted(run, top).forEach((row, n) => V[n].set(row));
  run.rounded = scale(run.trainer.loss());
  kept.forEach((/** @type {number[]} */ row, /** @type {number} */ k) => A[k].set(row));
  value.forEach((/** @type {number[]} */ row, /** @type {number} */ n) => V[n].set(row));
}

/** @type {import("./core.mjs").Figure} */
export const memory = {
  name: "memory",
  title: "One training set, again and again",
  controls: [
    slider("n", "samples n", [250, 500, 1000, 2000], 500),
    slider("T", "sequence length T", [20, 40, 100, 200], 200),
    toggle("penalty", "after Stage 1, a cut and a penalty"),
    toggle("fresh", "fresh samples in each step"),
  ],
  extra: { seed: 0 },
  presets: [
    ["500 samples", {}],
    ["2,000 samples", { n: 2000 }],
    ["with a penalty", { penalty: true }],
    ["fresh samples", { fresh: true }],
  ],
  bet: {
    question:
      "The same 500 samples in each step, 300 steps after Stage 1. How large is the true loss then, over that of the untrained layer?",
    options: ["near zero", "about a half", "more than one"],
    outcome({ state: { n, T, penalty, fresh }, outside, after }) {
      if (n !== 500 || T !== 200 || penalty || fresh || after < MORE) return -1;
      const found = outside.at(-1);
      return found < 0.25 ? 0 : found < 1 ? 1 : 2;
    },
  },
  still: { steps: 160 },

  start(state, scb) {
    const { n, T, seed } = state;
    const task = smallTask(scb, KIND, T);
    const rule = { ...rates(task, ETA), batchSize: n, seed, until: "max_signal", target: END };
    const trainer = scb.trainer(task, rule);
    const [kept, least] = [task.sample(n, { seed }), task.bayesLoss()];
    const run = {
      state, task, trainer, kept, least, trivial: trainer.loss(), boosting: true, count: 0, after: 0,
      inside: [], outside: [], shown: 0, rounded: NaN,
    }; // prettier-ignore
    measure(run);
    return run;
  },

  step(run, n) {
    const { trainer, state, task } = run;
    for (let taken = 0; taken < n; taken++) {
      if (run.after === MORE) return taken;
      if (!state.fresh) trainer.steps = 0; // the samples of the first step again
      const { status } = trainer.step(1);
      run.count++;
      if (!run.boosting) run.after++;
      else if (status === "reached" || run.count === limit(state.T)) {
        run.boosting = false;
        if (trainer.looksMirrored()) trainer.reflect();
        if (state.penalty) trainer.threshold(trainer.signals().alpha_V / 4);
        trainer.set({ until: null, l1: state.penalty ? L1 : 0 });
        run.began = run.count;
      }
      measure(run);
    }
    return n;
  },

  draw(run, width) {
    const { T } = run.state;
    const wide = width >= 560;
    const across = wide ? width / 2 - 60 : width - 64;
    const where = run.task.positions[0];
    const row = run.trainer.A[0];
    const most = Math.max(0.12, ...where.map((/** @type {number} */ t) => row[t]));
    const look = panel({
      left: 48, top: 28, width: across, height: wide ? 150 : 130, xlim: [0.5, T + 0.5],
      ylim: [-0.3 * most, 1.15 * most], xticks: [1, T / 2, T], xlabel: "position",
      ylabel: "where token 1 looks",
    }); // prettier-ignore
    let body = look.markup + rule(look, { y: 0 }, "soft") + clipped(look, stems(look, row, "a"));
    body += rings(look, where.map((/** @type {number} */ t) => t + 1), where.map((/** @type {number} */ t) => row[t]), 4); // prettier-ignore

    const [left, top] = wide ? [width / 2 + 46, 28] : [48, look.bottom + 66];
    const steps = run.outside.map((/** @type {number} */ _, /** @type {number} */ i) => i);
    const shown = panel({
      left, top, width: width - left - 16, height: wide ? 150 : 170, xlim: [0, Math.max(100, run.count)],
      ylim: [-1, HIGH], yticks: [-1, 0, 1], ynames: ["−1", "best", "start"], xlabel: "step",
      ylabel: "loss, over the start's",
    }); // prettier-ignore
    body += shown.markup;
    if (run.began) body += rule(shown, { x: run.began }, "soft dashed");
    const curves = line(shown, steps, run.inside, "sgd") + line(shown, steps, run.outside, "a");
    body += clipped(shown, curves);
    if (!run.boosting) {
      body += dots(shown, [run.count], [Math.min(HIGH, run.rounded)], "good", 5);
      if (run.outside.at(-1) > HIGH) body += label(shown.right - 4, shown.top + 14, `true: ${tidy(run.outside.at(-1), 2)}`, "end strong halo"); // prettier-ignore
    }
    const foot = shown.bottom + 56;
    const names = [
      ["truth", "attended", "ring"], ["sgd", run.state.fresh ? "first samples" : "on the set"],
      ["a", "in truth"], ["good", "rounded, in truth", "dot"],
    ]; // prettier-ignore
    body += wide
      ? key(48, foot, names)
      : key(20, foot, names.slice(0, 2)) + key(20, foot + 22, names.slice(2));
    return { height: foot + (wide ? 12 : 34), body };
  },

  words(run) {
    const { state, boosting, count, after, shown, rounded } = run;
    const [inside, outside] = [run.inside.at(-1), run.outside.at(-1)];
    const samples = `${tidy(state.n)} ${state.fresh ? "fresh samples" : "samples, always the same"}`;
    const held = `${shown === 6 ? "All" : shown || "None"} of the six largest entries are attended`;
    if (!count) return `${samples}, three tokens, and even attention.`;
    if (boosting) return `Step ${count}, Stage 1, ${samples}. ${held}.`;
    const loss = `The true loss is ${tidy(outside, 2)} times the start's`;
    const set = inside < 0 ? "below the best possible" : `at ${tidy(inside, 2)}`;
    const first = state.fresh ? "" : `, and on the set ${set}`;
    const rest = `${held}; rounded, they leave ${tidy(Math.max(0, rounded), 2)}.`;
    return `${after} steps after Stage 1, ${samples}. ${loss}${first}. ${rest}`;
  },

  event: (run) => (run.after === MORE ? memory.words(run) : ""),

  python({ state, count }) {
    const { n, T, penalty, fresh, seed } = state;
    const cut = penalty
      ? "\n        cut = threshold_and_project(params.A, scb.signals(task, params).alpha_V / 4)\n        params = params._replace(A=cut)"
      : "";
    const on = `"on", ${fresh ? MORE : 1}, ${n}, *rates${penalty ? `, l1=${L1}` : ""}`;
    const told = `until="max_signal", target=${END}`;
    const names = `looks_mirrored, reflect${penalty ? ", threshold_and_project" : ""}`;
    const repeated = `from scbtools.updates import ${names}

params, stage = scb.uniform_start(task), boost
for step in range(${count}):
    run = scb.train(task, stage, params, seed=${seed})  # one step, on the stream's first samples
    params = run.params
    if stage is boost and (run.reached[0] or step == ${limit(T) - 1}):
        stage = scb.Stage(${on})
        if looks_mirrored(params.A):
            params = reflect(task, params)${cut}
now = scb.signals(task, params)
print(scb.population_loss(task, params), now.alpha_V, now.alpha_A)
`;
    const before = `scb.Transform("reflect"),${penalty ? ' scb.Transform("threshold"),' : ""}`;
    const once = `
on = scb.Stage(${on}, before=(${before}))
history = scb.train(task, [boost, on], seed=${seed}, record_every=1).history
row = (history["step"] <= ${count}).sum() - 1
print(*(float(history[name][row]) for name in ("loss", "alpha_V", "alpha_A")))
`;
    return `import scbtools as scb

task = scb.${inPython(KIND, T)}
rates = ${ETA} / task.K_Q, ${ETA} / task.K_P
boost = scb.Stage("boost", ${fresh ? limit(T) : 1}, ${n}, *rates, ${told})
${fresh ? once : repeated}`;
  },

  data(run) {
    const { count, after, inside, outside, rounded, shown } = run;
    const { alpha_V, alpha_A } = run.trainer.signals();
    const loss = run.trainer.loss();
    return {
      count,
      after,
      inside,
      outside,
      rounded,
      shown,
      loss,
      python: [loss, alpha_V, alpha_A],
    };
  },
};
