// The real model trains while one looks: attention, values, signals and loss, stage by stage as
// scbtools.recipes.three_stage has them, on one task with three tokens.

import { slider } from "./core.mjs";
import { TRANSITION, exampleTask, places } from "./example.mjs";
import { heat, held, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";
import { inText, rates } from "./small.mjs";

/**
 * A run: steps taken in each stage, whether the stage has met its target, the column of token a at
 * five moments, what was recorded at each step, and, from the rounding on, the verdict, wrong
 * positions kept, and the step at which it was rounded.
 * @typedef {{seed: number, trainer: any, task: any, A: Float64Array[], where: number[][],
 *   stages: any[], taken: number[], over: boolean, ended: boolean, moments: Float64Array[],
 *   path: Record<string, number[]>, signals: any, excess: number, verdict: string, wrong: number,
 *   rounded: number}} One
 */

const TOKENS = [..."abcdef"];
const USUAL = { T: 500, B: 64, eta: 0.02, l1: 1e-4 };
const SEEDS = 8; // side by side
const FINISH = 100; // steps of Stage 3 at the full rate, and as many at a tenth of it
const STAGES = ["Stage 1: boost", "Stage 2: learn", "Stage 3: rounded", "Stage 3: rounded"];
const MOMENTS = ["start", "boost ends", "cut", "learn ends", "rounded"];
const MARK = /** @type {Record<string, string>} */ ({ found: "good", mirrored: "mirror", drowned: "bad", diverged: "bad", "cut away": "soft" }); // prettier-ignore

/** The stages of three_stage(task, B, eta, l1, ...). @param {any} task @param {any} state */
function stagesOf(task, { B, eta, l1 }) {
  const stage = (/** @type {number} */ steps, /** @type {number} */ rate, rest = {}) => {
    const rule = { batchSize: B, ...rates(task, rate), l1: 0, until: null, frozen: false };
    return { steps, rule: { ...rule, ...rest } };
  };
  return [
    stage(2000, eta, { until: "max_signal", target: 0.35 }),
    stage(1000, eta, { until: "mean_signal", target: 0.97, l1 }),
    stage(FINISH, eta, { frozen: true }),
    stage(FINISH, eta / 10, { frozen: true }),
  ];
}

/** Whether all attended entries, times a sign, are larger than the others of their column. @param {One} one @param {number} sign */
const stands = ({ A, where }, sign) =>
  A.every((row, k) => {
    const least = Math.min(...where[k].map((t) => sign * row[t]));
    return row.every((a, t) => where[k].includes(t) || sign * a < least);
  });

/** A run from the start. @param {any} scb @param {any} task @param {number[][]} where @param {any} state @param {number} seed @returns {One} */
function begin(scb, task, where, state, seed) {
  const trainer = scb.trainer(task, { seed });
  const path = { step: [], V: [], A: [], noise: [], loss: [], all: [] };
  const stages = stagesOf(task, state);
  const one = { seed, trainer, task, A: trainer.A, where, ended: false, stages, taken: [0], over: false, moments: [trainer.A[0].slice()], signals: {}, excess: 0, path, verdict: "", wrong: 0, rounded: 0 }; // prettier-ignore
  trainer.set(stages[0].rule);
  note(one);
  return one;
}

/** Write down where a run stands. @param {One} one */
function note(one) {
  const { path, trainer, task } = one;
  one.signals = trainer.signals();
  const loss = trainer.loss();
  one.excess = loss - task.bayesLoss();
  path.step.push(trainer.steps);
  path.V.push(one.signals.alpha_V);
  path.A.push(one.signals.alpha_A);
  path.noise.push(one.signals.delta_A / Math.sqrt(task.K_Q));
  path.loss.push(one.excess);
  path.all.push(loss);
}

/** Do what stands before the next stage; return whether there is one to go on with. @param {One} one */
function next(one) {
  const { trainer, taken, stages, task, A, where, moments, signals } = one;
  const level = 0.5 / task.sparsity;
  if (taken.length === 4) return false;
  if (taken.length < 3) moments.push(A[0].slice());
  if (taken.length === 1) {
    trainer.threshold((0.5 * signals.alpha_V) / task.sparsity);
    moments.push(A[0].slice());
  }
  if (taken.length === 2) {
    const away = signals.alpha_V < 0 && signals.alpha_A < 0 && stands(one, -1);
    const some = A.every((row) => row.some((a) => a >= level));
    one.rounded = one.path.step.length - 1;
    if (some) {
      trainer.round(level);
      moments.push(A[0].slice());
      A.forEach((row, k) =>
        row.forEach((a, t) => (one.wrong += a > 0 && !where[k].includes(t) ? 1 : 0)),
      );
    }
    const clean = some ? one.wrong === 0 : one.path.noise[one.rounded] < 1;
    one.verdict =
      some && stands(one, 1) ? "found" : away ? "mirrored" : clean ? "cut away" : "drowned";
    if (!some) return false;
  }
  taken.push(0);
  trainer.set(stages[taken.length - 1].rule);
  return true;
}

/** Take a step; return whether one was taken. @param {One} one */
function advance(one) {
  const { trainer, taken, stages } = one;
  if (one.over || taken[taken.length - 1] === stages[taken.length - 1].steps)
    one.ended = one.ended || !next(one);
  if (one.ended) return false;
  const { status } = trainer.step(1);
  one.over = status === "reached";
  one.ended = status === "diverged";
  if (one.ended) one.verdict = status;
  else {
    taken[taken.length - 1]++;
    note(one);
  }
  return !one.ended;
}

// --- drawing ---

/**
 * A column of A by position, what matters ringed. What is lower than half a pixel is not drawn.
 * @param {One} one @param {Float64Array} column @param {number} k @param {any} at
 */
function sticks({ where }, column, k, at, reach = 0.9, named = false) {
  const T = column.length;
  const xticks = named ? [1, T / 2, T] : [];
  const yticks = at.width > 180 ? [-0.5, 0, 0.5] : [];
  const ylim = [-reach, reach];
  const p = panel({ ...at, xlim: [0.5, T + 0.5], ylim, xticks, yticks, grid: false });
  const low = reach / at.height;
  const values = Array.from(column, (v) => (v > low || v < -low ? held(v, ylim) : 0));
  const part = (/** @type {number} */ sign) => values.map((v) => (v * sign > 0 ? v : 0));
  let body = p.markup + rule(p, { y: 0 }) + stems(p, part(1), "a") + stems(p, part(-1), "mirror");
  for (const t of where[k]) {
    const end = held(column[t], ylim);
    body += line(p, [t + 1, t + 1], [0, end], end < 0 ? "mirror" : "a");
    body += rings(p, [t + 1], [end], at.width > 100 ? 5 : 4);
  }
  return body;
}

/**
 * Curves by step, as [name, class, scale], and where stages end.
 * @param {One} one @param {any} at @param {[string, string, number][]} names
 */
function curves({ path, taken }, at, names) {
  const count = path.step.length;
  const each = Math.ceil(count / 200);
  const some = path.step.filter((step) => step % each === 0 || step === count - 1);
  const last = Math.max(60, count - 1);
  const p = panel({ xlim: [0, last], xticks: at.width < 180 ? [0, last] : undefined, ...at });
  let body = p.markup;
  if (taken.length > 1) body += rule(p, { x: taken[0] }, "theory dashed");
  if (taken.length > 2) body += rule(p, { x: taken[0] + taken[1] }, "theory dashed");
  for (const [name, kind, scale] of names)
    body += line(p, some, some.map((i) => held(path[name][i] * scale, at.ylim)), kind); // prettier-ignore
  return body;
}

/** Signals by step. @param {One} one @param {any} at */
const signals = (one, at) =>
  curves(one, { ...at, ylim: [-1.7, 1.7], yticks: [-1, 0, 1] }, [["noise", "soft thin", 1], ["V", "v", 1], ["A", "a dashed", 1]]); // prettier-ignore

/** A matrix of tokens with its numbers. @param {ArrayLike<number>[]} rows @param {number} left @param {number} top @param {number} side @param {string} name */
function table(rows, left, top, side, name, kind = "v") {
  const at = (/** @type {number} */ i) => ((i + 0.5) * side) / rows.length;
  let body = heat(rows, { left, top, width: side, height: side }, 1.4, kind) + label(left + side / 2, top + side + 15, name, "middle"); // prettier-ignore
  const names = TOKENS.slice(0, rows.length);
  names.forEach((token, i) => {
    body += label(left + at(i), top - 5, token, "small middle") + label(left - 6, top + at(i) + 4, token, "small end"); // prettier-ignore
    names.forEach((_, j) => {
      const size = Math.abs(rows[i][j]);
      const text = size < 99.5 ? rows[i][j].toFixed(size < 9.95 ? 1 : 0).replace("-", "−") : "…";
      body += label(left + at(j), top + at(i) + 4, text, "small middle halo");
    });
  });
  return body;
}

/** The verdict with its mark, or the stage. @param {One} one @param {number} x @param {number} y */
function badge({ verdict, taken }, x, y, before = "") {
  const stage = STAGES[taken.length - 1];
  if (!verdict) return label(x, y, before ? before + stage.slice(9) : stage, "strong");
  const dot = `<circle class="dot ${MARK[verdict]}" cx="${x + 5}" cy="${y - 4}" r="5"/>`;
  return dot + label(x + 15, y, before + verdict, "strong");
}

/** How many stand in a row, and where each: left, top, width, height. @param {number} width */
function grid(width) {
  const across = width >= 560 ? 4 : 2;
  const at = (/** @type {number} */ i) => [((i % across) * width) / across, Math.floor(i / across) * 172, width / across, 168]; // prettier-ignore
  return { across, at };
}

/** Small multiples. @param {One[]} runs @param {number} width */
function drawMany(runs, width) {
  const { across, at: place } = grid(width);
  let body = "";
  runs.forEach((one, i) => {
    const [x, y, room] = place(i);
    const at = { left: x + 28, width: room - 40, height: 54 };
    body += badge(one, x + 4, y + 14, `seed ${one.seed}: `);
    body += sticks(one, one.A[0], 0, { ...at, top: y + 24 }) + signals(one, { ...at, top: y + 90 });
  });
  return { height: (SEEDS / across) * 172, body };
}

/** @param {One} one @param {number} width */
function drawOne(one, width) {
  const wide = width >= 560;
  const left = 52;
  const span = wide ? Math.round(width * 0.58) - left : width - left - 12;
  const tall = wide ? 66 : 56;
  let body = label(left + span, 14, `step ${tidy(one.trainer.steps)}`, "end");
  body += badge(one, left, 14);
  const names = TOKENS.slice(0, one.A.length);
  names.forEach((token, k) => {
    const at = { left, top: 26 + k * (tall + 8), width: span, height: tall };
    body += label(0, at.top + tall / 2 + 4, token, "start strong");
    body += sticks(one, one.A[k], k, at, 0.9, k === names.length - 1);
  });
  let y = 26 + names.length * (tall + 8) + 54;
  const by = wide ? "attention A of each last token, by position" : "attention A, by position";
  body += label(left + span / 2, y - 28, by, "middle");
  const each = (span + 6) / MOMENTS.length;
  MOMENTS.forEach((name, i) => {
    const at = { left: left + i * each, top: y, width: each - 6, height: 46 };
    const title = wide ? name : name.replace(/ ends|ed/, "");
    body += label(at.left, y - 5, title, "small start");
    if (one.moments[i]) body += sticks(one, one.moments[i], 0, at, i < 3 ? 0.35 : 0.9);
    else body += `<rect class="frame" x="${at.left}" y="${y}" width="${at.width}" height="46"/>`;
  });
  const bottom = y + 64;
  body += label(left + span / 2, bottom, wide ? "token a at five moments; rings: the truth" : "token a; rings: the truth", "middle"); // prettier-ignore
  const right = wide ? left + span + 74 : left + 8;
  const room = wide ? width - right - 12 : span - 8;
  const side = Math.min(84, (room - 40) / 2);
  y = wide ? 26 : bottom + 36;
  body += table([...one.trainer.V], right, y, side, "values V") + table(one.task.transition, right + side + 36, y, side, "the truth P", "soft"); // prettier-ignore
  y += side + 48;
  body += signals(one, { left: right, top: y, width: room, height: 92 });
  body += key(right, y - 6, [["v", "V"], ["a dashed", "A"], ["soft thin", "noise in A"]]) + label(right, y + 128, "loss above the best possible", "start"); // prettier-ignore
  y += 134;
  const at = { left: right, top: y, width: room, height: wide ? bottom - y - 30 : 80, xlabel: "step", ylim: [1e-3, 4], ylog: true, yticks: [1e-3, 0.01, 0.1, 1], ynames: ["0.1 %", "1 %", "10 %", "100 %"] }; // prettier-ignore
  body += curves(one, at, [["loss", "", 1 / one.path.loss[0]]]);
  return { height: wide ? bottom + 8 : y + 122, body };
}

// --- words ---

/** @param {any} run */
function wordsOfMany({ runs, state: { T, B, eta } }) {
  const ends = runs.map((/** @type {One} */ one) => one.verdict || "under way");
  const counts = [...new Set(ends)].map((name) => `${ends.filter((/** @type {string} */ end) => end === name).length} ${name}`); // prettier-ignore
  return `Eight seeds, one task, B/(ηT) = ${tidy(B / (eta * T))}: ${counts.join(", ")}. Above, where token a looks; below, the signals, and in grey the noise. Press one to see it alone.`;
}

/** What a teacher would say of a run. @param {One} one */
function wordsOf({ signals, trainer, taken, path, excess, rounded, wrong, verdict, ended }) {
  const [v, a, steps] = [signals.alpha_V, signals.alpha_A, tidy(trainer.steps)];
  const [at, both] = [`Step ${steps}, ${STAGES[taken.length - 1].slice(0, 7)}:`, `${tidy(v, 2)} and ${tidy(a, 2)}`];
  const loss = `of the loss above the best possible ${tidy((100 * excess) / path.loss[0], 2)} % is left`;
  const ratio = (i = path.A.length - 1) => `${tidy(Math.abs(path.noise[i] / path.A[i]), 2)} times its signal`;
  const noise = Math.abs(a) < 0.005 ? "" : ` The noise in A is ${ratio()}.`;
  if (verdict === "found" && ended) return `Found, in ${steps} steps: each token looks at its two positions and nowhere else; ${loss}.`;
  if (verdict === "found") return `${at} A is rounded, and right (found). It is frozen, and V learns alone; ${loss}.`;
  if (verdict === "mirrored") return `Mirrored: A has found the right positions, and looks away from them; V favours what is least likely. Two wrongs nearly make a right: ${loss}. But nothing positive is left to round.`;
  if (verdict === "cut away") return `Cut away: the penalty λ took right positions along with the noise; ${loss}.`;
  if (verdict === "drowned") return `Drowned: before the rounding the noise in A was ${ratio(rounded)}; ${wrong ? `of the positions kept ${wrong} are wrong` : "nothing could be kept"}.`;
  if (verdict) return `${at} diverged. The rate is too large for this batch.`;
  if (taken.length === 2) return `${at} after the cut, steps that pull small weights to zero. The signals are ${both}.${noise}`;
  if (Math.max(Math.abs(v), Math.abs(a)) < 0.05) return `${at} nothing to see yet. Both signals are within 0.05 of zero.${noise}`;
  if (v > 0 && a > 0) return `${at} both signals rise, to ${both}; each layer lifts the other.${noise}`;
  if (v < 0 && a < 0) return `${at} both signals fall, to ${both}: the run turns away from the truth.${noise}`;
  return `${at} V and A disagree, with signals ${both}.${noise}`;
} // prettier-ignore

/** @type {import("./core.mjs").Figure} */
export const trainer = {
  name: "trainer",
  title: "The model in training",
  growth: 1.006,
  controls: [
    slider("T", "sequence length T", [20, 40, 80, 140, 200, 300, 500], USUAL.T),
    slider("B", "samples a step, B", [1, 2, 4, 8, 16, 32, 64, 128, 256], USUAL.B),
    slider("eta", "rate η", [0.01, 0.02, 0.05, 0.1, 0.2], USUAL.eta),
    slider("l1", "penalty λ of Stage 2", [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2], USUAL.l1), // prettier-ignore
  ],
  extra: { seed: 0, many: false },
  presets: [
    ["a good run", USUAL],
    ["the same, another seed", { ...USUAL, seed: 7 }],
    ["a batch of 2", { ...USUAL, B: 2 }],
    ["a large penalty", { ...USUAL, l1: 1e-2 }],
    ["eight seeds, the paper's ratio", { ...USUAL, eta: 0.1, many: true }],
  ],
  bet: {
    question: "Set B to 16 samples a step: what becomes of the run?",
    options: ["found", "drowned", "mirrored"],
    outcome: ({ state, runs }) => (state.B === 16 && !state.many ? ["found", "drowned", "mirrored"].indexOf(runs[0].verdict) : -1), // prettier-ignore
  },
  still: { steps: 5000 },

  start(state, scb, given) {
    const task = given ? scb.task(given) : exampleTask(scb, state.T);
    const { positions: rows, weights } = given || task;
    const where = rows.map((/** @type {number[]} */ row, /** @type {number} */ k) => row.filter((_, j) => weights[k][j] > 0)); // prettier-ignore
    const [count, first] = state.many ? [SEEDS, SEEDS * state.seed] : [1, state.seed];
    const runs = Array.from({ length: count }, (_, i) => begin(scb, task, where, state, first + i));
    return { state, given, runs, told: "" };
  },

  step(run, n) {
    for (let i = 0; i < n; i++) if (!run.runs.filter(advance).length) return i; // a step of each
    return n;
  },

  draw: (run, width) => (run.state.many ? drawMany(run.runs, width) : drawOne(run.runs[0], width)),
  words: (run) => (run.state.many ? wordsOfMany(run) : wordsOf(run.runs[0])),

  parts: ({ state, runs }, width) =>
    !state.many ? [] : runs.map((/** @type {One} */ { seed, trainer }, /** @type {number} */ i) => ({
      label: `open seed ${seed} alone`, at: grid(width).at(i),
      turned: () => ({ many: false, seed, run: trainer.steps }), // as far as it has come
    })), // prettier-ignore

  event(run) {
    const now = run.state.many ? "" : run.runs[0].verdict || STAGES[run.runs[0].taken.length - 1];
    const news = run.told && run.told !== now;
    run.told = now;
    return news ? wordsOf(run.runs[0]) : "";
  },

  python({ runs, given, state: { T, B, eta, l1, many } }) {
    const taken = runs.map((/** @type {One} */ one) => `${one.seed}: [${one.taken.join(", ")}]`);
    const task = given
      ? "# with the task that the trainer was given"
      : `P = ${inText(TRANSITION)}
positions = ${inText(places(T))}
task = scb.SCBTask.from_sparse(P, positions, [[0.5, 0.5]] * 3, seq_len=${T})`;
    const alone = given || many;
    return `import scbtools as scb
from dataclasses import replace

${task}
stages = scb.recipes.three_stage(
    task, batch_size=${B}, eta=${eta}, l1=${l1}, reflect=False, settle_steps=0,
    learn_batch_size=${B}, finish_batch_size=${B}, finish_steps=${FINISH})
taken = {${taken.join(", ")}}  # steps of each stage so far, by seed
for seed, steps in taken.items():
    so_far = [replace(s, steps=n) for s, n in zip(stages, steps)]
    run = scb.train(task, so_far, seed=seed)
    print(*scb.signals(task, run.params))${alone ? "" : "\nprint(*run.params.V.ravel(), *run.params.A[positions, [[0], [1], [2]]].ravel())"}
`;
  },

  data({ runs, given, state }) {
    const each = runs.map((/** @type {One} */ { seed, trainer, taken, verdict, excess, signals }) => ({ seed, steps: trainer.steps, taken: [...taken], verdict, excess, ...signals })); // prettier-ignore
    const numbers = runs.flatMap((/** @type {One} */ one) => Object.values(one.signals));
    const rows = (/** @type {Float64Array[]} */ matrix) => matrix.map((row) => [...row]);
    const [A, V] = [rows(runs[0].A), rows(runs[0].trainer.V)];
    const places = runs[0].where.flatMap((/** @type {number[]} */ row, /** @type {number} */ k) => row.map((t) => A[k][t])); // prettier-ignore
    if (!state.many && !given) numbers.push(...V.flat(), ...places);
    const { step, all, V: alpha_V, A: alpha_A } = runs[0].path;
    const history = { step, loss: all, alpha_V, alpha_A };
    return { runs: each, A, V, history, python: numbers };
  },
};
