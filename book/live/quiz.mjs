// The quiz of the gallery: an anonymous run, trained before the reader's eyes, with one fault or
// none. Runs are those of experiments/gallery.py: its stages, rates and strengths.

import { toggle } from "./core.mjs";
import { held, key, label, line, panel, rule, tidy } from "./draw.mjs";
import { inText, rates } from "./small.mjs";

const [N, T, Q] = [3, 200, 2];
const [BATCH, ETA, L1] = [256, 0.03, 2e-4];
const [BOOST, END, TOSS] = [240, 400, 40]; // steps at which stages end
const EVERY = 2; // steps between what is drawn
const TURNED = -0.02; // sum of the signals after the toss that counts as a mirror to be

/** A stretch of training. @typedef {{until: number, batchSize: number, l1?: number, faster?: number, cut?: boolean}} Stage */
const boost = { until: BOOST, batchSize: BATCH };
const learn = { until: END, batchSize: BATCH, l1: L1, cut: true };

/** What may be wrong: stages, the panel that shows it, and the mark in words. @type {{stages: Stage[], panel: number, mark: string}[]} */
const KINDS = [
  { stages: [boost, learn], panel: -1, mark: "All is well: both signals come to one, and both errors stay low." }, // prettier-ignore
  { stages: [{ until: END, batchSize: 4 }], panel: 1, mark: "The attention is too noisy: the error of A runs above one and stays there." }, // prettier-ignore
  { stages: [boost, { until: END, batchSize: 4, faster: 12 }], panel: 1, mark: "The values are too noisy: after the switch the error of V jumps to a level, and stays." }, // prettier-ignore
  { stages: [{ until: TOSS, batchSize: 1 }, boost, learn], panel: 0, mark: "A mirror: both signals are negative, and the errors are small. The cut throws the signal of A back." }, // prettier-ignore
  { stages: [boost, { ...learn, l1: 100 * L1 }], panel: 0, mark: "λ is too large: after the switch the signals part, A sinks and V rises, while the errors fall." }, // prettier-ignore
];
const CURVES = ["alpha_V", "alpha_A", "delta_V", "delta_A", "excess"];
/** @type {{title: string, ylim: [number, number], lines: [string, string][]}[]} */
const PANELS = [
  { title: "signals", ylim: [-1.7, 2.3], lines: [["alpha_V", "v dashed"], ["alpha_A", "a"]] },
  { title: "errors", ylim: [0.003, 5], lines: [["delta_V", "v dashed"], ["delta_A", "a"]] },
  { title: "loss above the best", ylim: [3e-4, 2], lines: [["excess", "good"]] },
]; // prettier-ignore

/** Numbers in [0, 1) from a seed, the same in every browser (mulberry32). @param {number} seed */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A task as SCBTask.random draws them, though from other numbers. @param {any} scb @param {() => number} next */
function anyTask(scb, next) {
  const positions = [0, 1, 2].map(() => {
    const one = Math.floor(next() * T);
    return [one, (one + 1 + Math.floor(next() * (T - 1))) % T].sort((x, y) => x - y);
  });
  for (;;) {
    const columns = [0, 1, 2].map(() => {
      const [x, y] = [next(), next()].sort((a, b) => a - b);
      return [x, y - x, 1 - y];
    });
    // mu by the trees that lead to each token: quicker than a task for every try.
    const p = (/** @type {number} */ to, /** @type {number} */ from) => columns[from % N][to % N];
    const trees = [0, 1, 2].map((n) => p(n, n + 1) * (p(n, n + 2) + p(n + 1, n + 2)) + p(n, n + 2) * p(n + 2, n + 1)); // prettier-ignore
    const total = trees[0] + trees[1] + trees[2];
    const square = trees.reduce((sum, x) => sum + (x / total) ** 2, 0);
    const length = columns.flat().reduce((sum, x, i) => sum + (x * x * trees[Math.floor(i / N)]) / total, 0); // prettier-ignore
    const even = trees.every((x) => x * N <= 3 * total && x * N * 3 >= total);
    if (!even || length < 2 * square) continue; // |mu|^2 <= K_P = |P|_mu^2 - |mu|^2
    const transition = [0, 1, 2].map((n) => columns.map((column) => column[n]));
    const weights = positions.map(() => [1 / Q, 1 / Q]);
    return { task: scb.task({ transition, positions, weights, seqLen: T }), transition, positions };
  }
}

/** Put a trainer at the beginning of a stage. @param {any} trainer @param {any} task @param {Stage} stage */
function begin(trainer, task, { batchSize, l1 = 0, faster = 0, cut = false }) {
  if (cut) trainer.threshold((0.5 * trainer.signals().alpha_V) / Q);
  const { etaV, etaA } = rates(task, ETA);
  trainer.set({ batchSize, l1, etaV: faster ? faster * etaV : etaV, etaA: faster ? 0 : etaA });
}

/** Note where a run stands. @param {any} run */
function note(run) {
  const { task, trainer, curves } = run;
  const { alpha_V, alpha_A, delta_V, delta_A } = trainer.signals();
  const errors = [delta_V / Math.sqrt(task.K_P), delta_A / Math.sqrt(task.K_Q)];
  const row = [trainer.steps, alpha_V, alpha_A, ...errors, trainer.loss() - task.bayesLoss()];
  ["step", ...CURVES].forEach((name, i) => curves[name].push(row[i]));
}

/** The answer that the reader gave to this run, or -1. @param {any} state */
function answerOf({ seed, answer }) {
  const [run, option] = answer.split(".").map(Number);
  return run === seed && KINDS[option] ? option : -1;
}

/** @type {import("./core.mjs").Figure} */
export const quiz = {
  name: "quiz",
  title: "An anonymous run",
  controls: [toggle("blind", "the loss alone, as when the truth is not known")],
  extra: { seed: 30, answer: "", right: 0, tried: 0 },
  kept: ["answer", "right", "tried"],
  bet: {
    question: "What is wrong with this run?",
    options: ["nothing", "attention too noisy", "values too noisy", "a mirror", "λ too large"],
    answered: (run) => answerOf(run.state),
    placed(run, i) {
      if (answerOf(run.state) >= 0) return {}; // the first answer counts
      const { seed, right, tried } = run.state;
      return { answer: `${seed}.${i}`, tried: tried + 1, right: right + (i === run.kind ? 1 : 0) };
    },
    outcome: (run) => (answerOf(run.state) >= 0 ? run.kind : -1),
  },
  still: { steps: END },

  start(state, scb) {
    const next = dice(state.seed);
    const kind = Math.floor(next() * KINDS.length);
    const { task, transition, positions } = anyTask(scb, next);
    const { stages } = KINDS[kind];
    let seed = 0;
    let trainer;
    // Whether a tossed run turns is chance, so one is looked for that does.
    for (let turned = false; !turned; ) {
      seed = Math.floor(next() * 2 ** 31);
      trainer = scb.trainer(task, { seed });
      begin(trainer, task, stages[0]);
      if (stages.length < 3) break;
      trainer.step(TOSS);
      const { alpha_V, alpha_A } = trainer.signals();
      turned = alpha_V + alpha_A < TURNED;
      trainer.reset();
    }
    const curves = Object.fromEntries(["step", ...CURVES].map((name) => [name, []]));
    const run = { state, kind, task, transition, positions, seed, trainer, stages, curves, at: 0, done: false }; // prettier-ignore
    note(run);
    return run;
  },

  step(run, n) {
    const { trainer, stages } = run;
    let taken = 0;
    while (taken < n && !run.done) {
      if (trainer.steps === stages[run.at].until) {
        run.at++;
        begin(trainer, run.task, stages[run.at]);
        if (stages[run.at].cut) note(run);
      }
      const left = Math.min(n - taken, stages[run.at].until - trainer.steps, EVERY - (trainer.steps % EVERY)); // prettier-ignore
      const found = trainer.step(left);
      taken += found.taken;
      run.done = found.status === "diverged" || trainer.steps === END;
      if (trainer.steps % EVERY === 0) note(run);
    }
    return taken;
  },

  draw(run, width) {
    const wide = width >= 560;
    const answered = answerOf(run.state) >= 0;
    const shown = run.state.blind && !answered ? PANELS.slice(2) : PANELS;
    const each = wide ? (width - 16) / shown.length : width;
    const high = wide ? 190 : shown.length === 1 ? 190 : 120;
    let body = key(46, 16, shown.length > 1 ? [["v dashed", "V"], ["a", "A"], ["soft dashed thin", "the switch"]] : [["soft dashed thin", "the switch"]]); // prettier-ignore
    shown.forEach(({ title, ylim, lines }, i) => {
      const p = panel({
        left: wide ? i * each + 46 : 46, top: 52 + (wide ? 0 : i * (high + 66)), height: high,
        width: each - 58, xlim: [0, END], ylim, ylog: i > 0 || shown.length === 1, title,
        xticks: [0, 100, 200, 300, 400], xlabel: "step",
      }); // prettier-ignore
      body += p.markup + rule(p, { x: BOOST }, "soft dashed");
      if (title === "signals") body += rule(p, { y: 0 }, "soft") + rule(p, { y: 1 }, "soft");
      for (const [name, kind] of lines) {
        const ys = run.curves[name].map((/** @type {number} */ y) => held(y, ylim));
        body += line(p, run.curves.step, ys, kind);
      }
      if (answered && KINDS[run.kind].panel === i) {
        body += `<rect class="line truth" x="${p.left - 2}" y="${p.top - 2}" width="${p.right - p.left + 4}" height="${p.bottom - p.top + 4}" rx="4"/>`; // prettier-ignore
        body += label(p.right - 6, p.top + 16, "here", "end strong halo");
      }
    });
    return { height: wide ? high + 100 : shown.length * (high + 66) + 40, body };
  },

  words(run) {
    const { state, curves, trainer } = run;
    const answered = answerOf(state) >= 0;
    const score = state.tried ? ` Right so far: ${state.right} of ${state.tried}.` : "";
    if (answered) return `${KINDS[run.kind].mark}${score}`;
    const [v, a, error_V, error_A, excess] = CURVES.map((name) => tidy(curves[name][curves[name].length - 1], 2)); // prettier-ignore
    const full = state.blind ? "" : ` Signals: V ${v}, A ${a}. Errors: V ${error_V}, A ${error_A}.`;
    return `Run ${state.seed}, step ${trainer.steps} of ${END}.${full} Loss above the best: ${excess}.${score}`;
  },

  python(run) {
    const { state, positions, seed, stages, transition, trainer } = run;
    if (answerOf(state) < 0) return ""; // the schedule names the fault
    let from = 0;
    const list = /** @type {Stage[]} */ (stages).map(({ until, batchSize, l1, faster, cut }, i) => {
      const steps = Math.max(0, Math.min(until, trainer.steps) - from);
      from = until;
      const rates = faster ? `eta_V=${faster} * eta_V, eta_A=0.0` : "eta_V=eta_V, eta_A=eta_A";
      const more = `${l1 ? `, l1=${l1}` : ""}${cut ? ', before=(scb.Transform("threshold"),)' : ""}`;
      return steps || !i ? [`    scb.Stage("${i}", ${steps}, ${batchSize}, ${rates}${more}),`] : [];
    });
    return [
      "import numpy as np",
      "",
      "import scbtools as scb",
      "",
      `P = ${inText(transition)}`,
      `positions = ${inText(positions)}`,
      `task = scb.SCBTask.from_sparse(P, positions, np.full((${N}, ${Q}), 1 / ${Q}), ${T})`,
      `eta_V, eta_A = ${ETA} / task.K_Q, ${ETA} / task.K_P`,
      "stages = [",
      ...list.flat(),
      "]",
      `history = scb.train(task, stages, seed=${seed}).history`,
      'names = "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A"',
      "print(*(float(history[name][-1]) for name in names))",
      "",
    ].join("\n");
  },

  data(run) {
    const { state, curves, trainer } = run;
    const now = trainer.signals();
    const answered = answerOf(state) >= 0;
    const told = answered ? { kind: run.kind, python: Object.values(now) } : {};
    return { steps: trainer.steps, ...now, loss: trainer.loss(), curves, ...told };
  },
};
