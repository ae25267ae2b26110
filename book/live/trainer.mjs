// The real model trains while one looks: attention, values, signals and loss, stage by stage as
// scbtools.recipes.three_stage has them, on one task with three tokens.

import { slider } from "./core.mjs";
import { dots, heat, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";

const TOKENS = ["a", "b", "c"];
const TRANSITION = [[0.1, 0.2, 0.6], [0.7, 0.2, 0.1], [0.2, 0.6, 0.3]]; // prettier-ignore
const PLACES = [[20, 70], [35, 55], [10, 90]]; // prettier-ignore
const EVEN = [0.5, 0.5];
const SEEDS = 8; // side by side
const FINISH = 50; // steps of Stage 3 at the full rate, and as many at a tenth of it
const MOMENTS = ["start", "boost ends", "cut", "learn ends", "rounded"];
const REACH = 1.7; // of the signals that are seen

/** Positions that matter, from 0, for each last token: shares of T in percent. @param {number} T */
const positions = (T) => PLACES.map((row) => row.map((share) => (T * share) / 100 - 1));

/** What three_stage(task, B, eta, l1, ...) returns. @param {any} task @param {any} state */
function stagesOf(task, { B, eta, lambda }) {
  const stage = (/** @type {string} */ name, /** @type {number} */ steps, /** @type {number} */ rate, rest = {}) => ({
    name, steps, before: "", rule: { batchSize: B, etaV: rate / task.K_Q, etaA: rate / task.K_P, l1: 0, until: null, frozen: false, ...rest },
  }); // prettier-ignore
  return [
    stage("boost", 2000, eta, { until: "max_signal", target: 0.35 }),
    { ...stage("learn", 1000, eta, { l1: lambda, until: "mean_signal", target: 0.97 }), before: "cut" },
    { ...stage("finish", FINISH, eta, { frozen: true }), before: "round" },
    stage("polish", FINISH, eta / 10, { frozen: true }),
  ];
}

/** Whether in every column the attended entries, times a sign, are larger than all others. @param {any} one @param {number} sign */
function stands({ trainer, where }, sign) {
  return trainer.A.every((/** @type {Float64Array} */ row, /** @type {number} */ k) => {
    const least = Math.min(...where[k].map((/** @type {number} */ t) => sign * row[t]));
    return row.every((a, t) => where[k].includes(t) || sign * a < least);
  });
}

/** A run from the start, of one seed. @param {any} task @param {any} state @param {number} seed @param {any} scb */
function begin(task, state, seed, scb) {
  const trainer = scb.trainer(task, { seed, batchSize: state.B });
  const path = { step: [], V: [], A: [], noise: [], loss: [] };
  const one = { trainer, task, seed, path, where: positions(state.T), stages: stagesOf(task, state), taken: [0], /** @type {any} */ moments: {}, marks: [], cut: 0, verdict: "", ended: false }; // prettier-ignore
  trainer.set(one.stages[0].rule);
  note(one);
  keep(one, "start");
  return one;
}

/** Write down where a run stands. @param {any} one */
function note(one) {
  const { path, trainer, task } = one;
  const now = trainer.signals();
  one.signals = now;
  one.excess = trainer.loss() - task.bayesLoss();
  path.step.push(trainer.steps);
  path.V.push(now.alpha_V);
  path.A.push(now.alpha_A);
  path.noise.push(now.delta_A / Math.sqrt(task.K_Q));
  path.loss.push(one.excess);
}

/** Keep the first token's column, as it is at a moment. @param {any} one @param {string} name */
function keep(one, name) {
  one.moments[name] = one.trainer.A[0].slice();
}

/** Go to the next stage; return whether there is one. @param {any} one */
function next(one) {
  const { trainer, taken, stages, task } = one;
  if (taken.length === stages.length) return false;
  const stage = stages[taken.length];
  if (taken.length <= 2) {
    keep(one, taken.length === 1 ? "boost ends" : "learn ends");
    one.marks.push(trainer.steps);
  }
  if (stage.before === "cut") {
    one.cut = (0.5 * one.signals.alpha_V) / task.sparsity;
    trainer.threshold(one.cut);
    keep(one, "cut");
  }
  if (stage.before === "round") {
    one.rounded = one.path.step.length - 1;
    const level = 0.5 / task.sparsity;
    const { alpha_V, alpha_A } = one.signals;
    const away = alpha_V < 0 && alpha_A < 0 && stands(one, -1);
    const quiet = one.path.noise[one.rounded] < 1; // nothing stands out, right or wrong
    const rounds = trainer.A.every((/** @type {Float64Array} */ row) => row.some((a) => a >= level));
    if (rounds) {
      trainer.round(level);
      keep(one, "rounded");
    }
    one.kept = trainer.A.map((/** @type {Float64Array} */ row, /** @type {number} */ k) =>
      [...row.keys()].filter((t) => rounds && row[t] > 0 && !one.where[k].includes(t)).length,
    ); // prettier-ignore
    const clean = rounds ? one.kept.every((/** @type {number} */ n) => n === 0) : quiet;
    one.verdict = rounds && stands(one, 1) ? "found" : away ? "mirrored" : clean ? "cut away" : "drowned";
    if (!rounds) return false;
  }
  taken.push(0);
  trainer.set(stage.rule);
  return true;
}

/** Take a step; return whether one was taken. @param {any} one */
function advance(one) {
  if (one.ended) return false;
  const { trainer, taken, stages } = one;
  const at = taken.length - 1;
  if (one.over || taken[at] === stages[at].steps) {
    one.over = false;
    one.ended = !next(one);
    if (one.ended) return false;
  }
  const { taken: done, status } = trainer.step(1);
  if (status === "diverged") {
    one.verdict = "diverged";
    one.ended = true;
    return false;
  }
  taken[taken.length - 1] += done;
  one.over = status === "reached";
  note(one);
  return true;
}

// --- drawing ---

/** A column of A by position, what matters ringed. @param {any} one @param {ArrayLike<number>} column @param {number} k @param {any} at @param {number} reach */
function sticks(one, column, k, at, reach, named = false) {
  const T = column.length;
  const p = panel({
    ...at, xlim: [0.5, T + 0.5], ylim: [-reach, reach], xticks: named ? [1, T / 2, T] : [],
    yticks: at.width > 100 ? [-0.5, 0, 0.5] : [], grid: false,
  }); // prettier-ignore
  const held = Array.from(column, (a) => Math.max(-reach, Math.min(reach, a)));
  const places = one.where[k].map((/** @type {number} */ t) => t + 1);
  return p.markup + rule(p, { y: 0 }) + stems(p, held.map((a) => Math.max(0, a)), "a") +
    stems(p, held.map((a) => Math.min(0, a)), "mirror") +
    rings(p, places, one.where[k].map((/** @type {number} */ t) => held[t]), at.width > 100 ? 5 : 4); // prettier-ignore
}

/** Every n-th entry and the last, so that a line has some 300 points. @param {number[]} values */
function thin(values) {
  const each = Math.ceil(values.length / 300);
  return values.filter((_, i) => i % each === 0 || i === values.length - 1);
}

/** Signals by step. @param {any} one @param {any} at */
function signals(one, at) {
  const small = at.width < 180;
  const last = Math.max(60, one.path.step.at(-1));
  const p = panel({ ...at, xlim: [0, last], ylim: [-REACH, REACH], yticks: [-1, 0, 1], xticks: small ? [0, last] : undefined }); // prettier-ignore
  const seen = (/** @type {number[]} */ values) => thin(values).map((v) => Math.max(-REACH, Math.min(REACH, v)));
  const x = thin(one.path.step);
  let body = p.markup + rule(p, { y: 0 });
  for (const mark of one.marks) body += rule(p, { x: mark }, "theory dashed");
  if (!small) body += line(p, x, seen(one.path.noise), "soft thin");
  return body + line(p, x, seen(one.path.V), "v") + line(p, x, seen(one.path.A), "a dashed");
}

/** Loss above the best possible, in parts of what it was at the start. @param {any} one @param {any} at */
function losses(one, at) {
  const { step, loss } = one.path;
  const p = panel({
    ...at, xlim: [0, Math.max(60, step.at(-1))], ylim: [0.001, 4], ylog: true, yticks: [0.001, 0.01, 0.1, 1],
    ynames: ["0.1 %", "1 %", "10 %", "100 %"], xlabel: "step",
  }); // prettier-ignore
  let body = p.markup;
  for (const mark of one.marks) body += rule(p, { x: mark }, "theory dashed");
  return body + line(p, thin(step), thin(loss).map((l) => Math.max(0.001, Math.min(4, l / loss[0])))); // prettier-ignore
}

/** A matrix of tokens with its numbers. @param {ArrayLike<number>[]} rows @param {number} left @param {number} top @param {number} side @param {string} name */
function table(rows, left, top, side, name, kind = "v") {
  const cell = side / 3;
  let body = heat(rows, { left, top, width: side, height: side }, 1.4, kind);
  TOKENS.forEach((token, i) => {
    body += label(left + (i + 0.5) * cell, top - 5, token, "small middle") + label(left - 6, top + (i + 0.5) * cell + 4, token, "small end"); // prettier-ignore
    TOKENS.forEach((_, j) => {
      const text = Math.abs(rows[i][j]) < 9.95 ? rows[i][j].toFixed(1).replace("-", "−") : "…";
      body += label(left + (j + 0.5) * cell, top + (i + 0.5) * cell + 4, text, "small middle halo");
    });
  });
  return body + label(left + side / 2, top + side + 15, name, "middle");
}

/** @param {any} one */
const state = (one) => one.verdict || `${one.stages[one.taken.length - 1].name}`;
const MARK = /** @type {Record<string, string>} */ ({ found: "good", mirrored: "mirror", drowned: "bad", diverged: "bad", "cut away": "soft" }); // prettier-ignore

/** The verdict, or the stage. @param {any} one @param {number} x @param {number} y */
function badge(one, x, y, text = state(one)) {
  const kind = MARK[one.verdict];
  return (kind ? `<circle class="dot ${kind}" cx="${x + 5}" cy="${y - 4}" r="5"/>` : "") + label(x + (kind ? 15 : 0), y, text, "strong"); // prettier-ignore
}

/** @param {any} run @param {number} width */
function drawMany(run, width) {
  const across = width >= 560 ? 4 : 2;
  const wide = width / across;
  let body = "";
  run.runs.forEach((/** @type {any} */ one, /** @type {number} */ i) => {
    const [x, y] = [(i % across) * wide, Math.floor(i / across) * 172];
    const at = { left: x + 28, width: wide - 40 };
    body += badge(one, x + 28, y + 14, `${one.verdict || state(one)} (seed ${one.seed})`);
    body += sticks(one, one.trainer.A[0], 0, { ...at, top: y + 24, height: 54 }, 0.9);
    body += signals(one, { ...at, top: y + 90, height: 54 });
  });
  return { height: Math.ceil(SEEDS / across) * 172, body };
}

/** @type {import("./core.mjs").Figure} */
export const trainer = {
  name: "trainer",
  title: "The model in training",
  growth: 1.006,
  controls: [
    slider("T", "sequence length T", [20, 40, 80, 140, 200, 300, 500], 500),
    slider("B", "samples a step, B", [1, 2, 4, 8, 16, 32, 64, 128, 256], 64),
    slider("eta", "rate η", [0.01, 0.02, 0.05, 0.1, 0.2], 0.02),
    slider("lambda", "penalty λ of Stage 2", [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2], 1e-4),
  ],
  extra: { seed: 0, many: false },
  presets: [
    ["a good run", {}],
    ["only the seed differs", { seed: 7 }],
    ["a batch of 2", { B: 2 }],
    ["a large penalty", { lambda: 1e-2 }],
    ["eight seeds, the paper's ratio", { eta: 0.1, many: true }],
  ],
  bet: {
    question: "Set B to 16, a quarter: what becomes of the run?",
    options: ["found", "drowned", "mirrored"],
    outcome: (run) =>
      run.state.B === 16 && !run.state.many ? ["found", "drowned", "mirrored"].indexOf(run.runs[0].verdict) : -1, // prettier-ignore
  },
  still: { steps: 5000 },

  start(state, scb) {
    const task = scb.task({ transition: TRANSITION, positions: positions(state.T), weights: TOKENS.map(() => EVEN), seqLen: state.T }); // prettier-ignore
    const seeds = state.many ? Array.from({ length: SEEDS }, (_, i) => SEEDS * state.seed + i) : [state.seed];
    const runs = seeds.map((seed) => begin(task, state, seed, scb));
    return { state, task, runs, told: "boost", free: () => runs.forEach((one) => one.trainer.free()) };
  },

  step(run, n) {
    for (let i = 0; i < n; i++) {
      const moved = run.runs.filter(advance); // every one of them takes a step
      if (!moved.length) return i;
    }
    return n;
  },

  draw(run, width) {
    if (run.state.many) return drawMany(run, width);
    const [one] = run.runs;
    const wide = width >= 560;
    const left = 44;
    const span = wide ? Math.round(width * 0.58) - left : width - left - 12;
    const right = wide ? left + span + 74 : left + 8;
    const room = wide ? width - right - 12 : span - 8;
    const tall = wide ? 66 : 56;
    let body = badge(one, left, 14) + label(left + span, 14, `step ${tidy(one.trainer.steps)}`, "end");
    TOKENS.forEach((token, k) => {
      const top = 26 + k * (tall + 8);
      body += sticks(one, one.trainer.A[k], k, { left, top, width: span, height: tall }, 0.9, k === 2);
      body += label(left + span - 4, top + 12, `last token ${token}`, "small end halo");
    });
    let y = 26 + 3 * (tall + 8);
    body += label(left + span / 2, y + 26, "attention A, by position; rings: the truth", "middle");
    y += 54;
    const each = (span + 6) / MOMENTS.length;
    MOMENTS.forEach((name, i) => {
      const at = { left: left + i * each, top: y, width: each - 6, height: 46 };
      body += label(at.left, y - 5, name, "small start");
      if (one.moments[name]) body += sticks(one, one.moments[name], 0, at, i < 3 ? 0.35 : 0.9);
      else body += `<rect class="frame" x="${at.left}" y="${y}" width="${at.width}" height="46"/>`;
    });
    body += label(left + span / 2, y + 64, "the first of these columns at five moments", "middle");
    const bottom = y + 64;
    y = wide ? 26 : bottom + 36;
    const side = Math.min(84, (room - 40) / 2);
    body += table(one.trainer.V, right, y, side, "values V");
    body += table(TRANSITION, right + side + 36, y, side, "the truth P", "soft");
    y += side + 48;
    body += signals(one, { left: right, top: y, width: room, height: 92 });
    body += key(right, y - 6, [["v", "V"], ["a dashed", "A"], ["soft thin", "noise in A"]]); // prettier-ignore
    y += 92 + 42;
    body += label(right, y - 6, "loss above the best possible", "start");
    body += losses(one, { left: right, top: y, width: room, height: wide ? bottom - y - 30 : 80 });
    return { height: wide ? bottom + 8 : y + 122, body };
  },

  words(run) {
    if (run.state.many) return manyWords(run);
    return oneWords(run.runs[0]);
  },

  event(run) {
    const now = run.state.many ? "" : state(run.runs[0]);
    if (now === run.told || !now) return "";
    run.told = now;
    return oneWords(run.runs[0]);
  },

  python(run) {
    const { T, B, eta, lambda } = run.state;
    const seeds = run.runs.map((/** @type {any} */ one) => `${one.seed}: [${one.taken.join(", ")}]`);
    const after = run.state.many
      ? ""
      : "\n    print(*run.params.V.ravel(), *(run.params.A[positions[k], k][j] for k in range(3) for j in range(2)))"; // prettier-ignore
    return `import scbtools as scb
from dataclasses import replace

P = ${JSON.stringify(TRANSITION).replace(/,/g, ", ")}
positions = ${JSON.stringify(positions(T)).replace(/,/g, ", ")}
task = scb.SCBTask.from_sparse(P, positions, [[0.5, 0.5]] * 3, seq_len=${T})
stages = scb.recipes.three_stage(
    task, batch_size=${B}, eta=${eta}, l1=${lambda}, reflect=False, settle_steps=0,
    learn_batch_size=${B}, finish_batch_size=${B}, finish_steps=${FINISH})
taken = {${seeds.join(", ")}}  # steps of each stage so far, by seed
for seed, steps in taken.items():
    so_far = [replace(s, steps=n) for s, n in zip(stages, steps)]
    run = scb.train(task, so_far, seed=seed)
    print(*scb.signals(task, run.params))${after}
`;
  },

  data(run) {
    const runs = run.runs.map((/** @type {any} */ one) => ({
      seed: one.seed, steps: one.trainer.steps, taken: [...one.taken], stage: one.stages[one.taken.length - 1].name, verdict: one.verdict, excess: one.excess, ...one.signals,
    })); // prettier-ignore
    const [one] = run.runs;
    const numbers = run.runs.flatMap((/** @type {any} */ each) => Object.values(each.signals));
    const attended = one.where.flatMap((/** @type {number[]} */ row, /** @type {number} */ k) => row.map((t) => one.trainer.A[k][t])); // prettier-ignore
    const values = one.trainer.V.flatMap((/** @type {Float64Array} */ row) => [...row]);
    const rows = (/** @type {Float64Array[]} */ matrix) => matrix.map((row) => [...row]);
    return {
      runs, A: rows(one.trainer.A), V: rows(one.trainer.V),
      python: run.state.many ? numbers : [...numbers, ...values, ...attended],
    }; // prettier-ignore
  },
};

/** @param {any} run */
function manyWords(run) {
  const counts = /** @type {Record<string, number>} */ ({});
  for (const one of run.runs) counts[one.verdict || "under way"] = (counts[one.verdict || "under way"] || 0) + 1;
  const found = Object.entries(counts).map(([name, n]) => `${n} ${name}`);
  const { T, B, eta } = run.state;
  return `Eight seeds, one task, B/(ηT) = ${tidy(B / (eta * T))}: ${found.join(", ")}. Above, where a looks; below, both signals.`;
}

/** What a teacher would say of a run. @param {any} one */
function oneWords(one) {
  const { alpha_V, alpha_A } = one.signals;
  const noise = one.path.noise.at(-1);
  const steps = tidy(one.trainer.steps);
  const left = `${tidy((100 * one.excess) / one.path.loss[0], 2)} % of its first distance from the best possible`;
  const times = Math.abs(noise / (alpha_A || 1e-9));
  const beside = `The noise in A is ${tidy(times, 2)} times its signal`;
  if (one.verdict === "diverged") return `Step ${steps}: diverged. The rate is too large for this batch.`;
  if (one.verdict === "found")
    return one.ended
      ? `Found, in ${steps} steps: each token looks at its two positions and nowhere else. The loss is down to ${left}.`
      : `Step ${steps}, Stage 3: A is rounded, and right. It is frozen now, and V learns alone: the loss is at ${left}.`;
  if (one.verdict === "mirrored")
    return `Mirrored: both signals are negative. A has found the right positions, and looks away from them; V says what is least likely. Yet the loss is down to ${left}. No entry is left to round.`;
  if (one.verdict === "cut away")
    return `Cut away: the penalty λ took right positions along with the noise. The loss ended at ${left}.`;
  if (one.verdict === "drowned")
    return `Drowned: before rounding the noise in A was ${tidy(Math.abs(one.path.noise[one.rounded] / one.path.A[one.rounded]), 2)} times its signal, and what stands out in A is not the truth.`;
  if (one.taken.length === 2)
    return `Step ${steps}, Stage 2: the cut at ${tidy(one.cut, 2)} is done; proximal steps go on. Signals ${tidy(alpha_V, 2)} and ${tidy(alpha_A, 2)}. ${beside}.`;
  const size = Math.max(Math.abs(alpha_V), Math.abs(alpha_A));
  if (size < 0.05) return `Step ${steps}, Stage 1: nothing to see yet; both signals are within 0.05 of zero. ${beside}.`;
  if (alpha_V > 0 && alpha_A > 0)
    return `Step ${steps}, Stage 1: both signals rise, to ${tidy(alpha_V, 2)} and ${tidy(alpha_A, 2)}; each lifts the other. ${beside}.`;
  if (alpha_V < 0 && alpha_A < 0)
    return `Step ${steps}, Stage 1: both signals fall, to ${tidy(alpha_V, 2)} and ${tidy(alpha_A, 2)}: the run turns away from the truth. ${beside}.`;
  return `Step ${steps}, Stage 1: V and A disagree, with signals ${tidy(alpha_V, 2)} and ${tidy(alpha_A, 2)}. ${beside}.`;
}
