// Which positions does the target depend on? Three looks at the same samples, while they come in.

import { slider } from "./core.mjs";
import { dots, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";
import { inPython, smallTask } from "./small.mjs";

const TOKENS = [0, 1, 2];
const SOME = 16; // samples that a step adds
const SHOWN = 2; // column of A
const MOST = 2048; // samples of a stream
const STREAMS = 24;
const SURE = 1 + 1e-9; // by how much an attended position must be above the others
const LEAST = 264; // samples for half of the streams at T = 100, by screening
const PRIME = 2 ** 31 - 1;

/** Random signs, three by three, of a stream; the same in Python. @param {number} stream @param {number} count */
function signs(stream, count) {
  let x = (stream % (PRIME - 1)) + 1;
  const next = () => (x = (x * 48271) % PRIME);
  for (let i = 0; i < 9; i++) next();
  const row = () => TOKENS.map(() => (next() < 2 ** 30 ? -1 : 1));
  return Array.from({ length: count }, () => TOKENS.map(row));
}

/** Pearson's chi-square of token against target, by last token and position. @param {any} run */
function chiSquare({ counts, task: { T } }) {
  return TOKENS.map((k) => {
    const found = new Float64Array(T);
    for (let t = 0; t < T; t++) {
      const at = 9 * (k * T + t);
      const token = [0, 0, 0];
      const target = [0, 0, 0];
      for (let i = 0; i < 9; i++) {
        token[Math.floor(i / 3)] += counts[at + i];
        target[i % 3] += counts[at + i];
      }
      const all = token[0] + token[1] + token[2];
      for (let i = 0; i < 9; i++) {
        const expected = (token[Math.floor(i / 3)] * target[i % 3]) / all;
        if (expected > 0) found[t] += (counts[at + i] - expected) ** 2 / expected;
      }
    }
    return found;
  });
}

/** Squares and products of what the signs make of a pair of tokens, summed over all of them. @param {number[][][]} all @param {ArrayLike<number>} mu */
function products(all, mu) {
  const G = new Float64Array(81);
  for (const W of all) {
    const mean = TOKENS.map((m) => TOKENS.reduce((sum, n) => sum + mu[n] * W[n][m], 0));
    const u = Array.from({ length: 9 }, (_, i) => W[i % 3][Math.floor(i / 3)] - mean[Math.floor(i / 3)]); // prettier-ignore
    for (let i = 0; i < 81; i++) G[i] += u[Math.floor(i / 9)] * u[i % 9];
  }
  return G;
}

/**
 * Squared steps of A from V = mu 1' + small W, to first order and up to a factor, summed over all
 * W; the projection takes the mean over positions off.
 * @param {any} run
 */
function moved({ counts, G, task: { T } }) {
  return TOKENS.map((k) => {
    const found = new Float64Array(T);
    const mean = new Float64Array(9);
    const pairs = new Float64Array(9);
    for (let i = 0, at = 9 * k * T; i < 9 * T; i++) mean[i % 9] += counts[at + i] / T;
    for (let t = 0, at = 9 * k * T; t < T; t++, at += 9) {
      for (let i = 0; i < 9; i++) pairs[i] = counts[at + i] - mean[i];
      let sum = 0;
      for (let i = 0; i < 9; i++) {
        let row = 0;
        for (let j = 0; j < 9; j++) row += G[9 * i + j] * pairs[j];
        sum += pairs[i] * row;
      }
      found[t] = sum;
    }
    return found;
  });
}

/** Squared steps of A in one column, projected. @param {Float64Array} step */
function squares(step) {
  const mean = step.reduce((a, b) => a + b, 0) / step.length;
  return step.map((x) => (x - mean) ** 2);
}

/** The largest score of a position that is not attended to. @param {ArrayLike<number>} scores @param {number[]} where */
function noise(scores, where) {
  let most = 0;
  for (let t = 0; t < scores.length; t++)
    if (scores[t] > most && !where.includes(t)) most = scores[t];
  return most;
}

/** Whether for every last token the attended positions are on top. @param {Float64Array[]} scores @param {any} task */
const onTop = (scores, { positions }) =>
  TOKENS.every((k) => Math.min(...positions[k].map((/** @type {number} */ t) => scores[k][t])) > SURE * noise(scores[k], positions[k])); // prettier-ignore

/** Begin the next stream of samples. @param {any} run */
function begin(run) {
  const { task, state, ends } = run;
  const stream = 1000 * state.seed + ends.length;
  const blank = () => TOKENS.map(() => new Float64Array(task.T));
  run.start.set({ seed: stream });
  Object.assign(run, {
    stream, n: 0, counts: new Float64Array(27 * task.T), G: products(signs(stream, state.M), task.stationary),
    total: blank(), now: [NaN, NaN], chi: blank(), random: blank(),
  }); // prettier-ignore
}

/** The middle of some numbers of samples, where those that were not enough count as infinite. @param {number[]} found */
function median(found) {
  const sorted = found.map((n) => n || Infinity).sort((a, b) => a - b);
  const at = sorted.length / 2;
  return (sorted[Math.ceil(at) - 1] + sorted[Math.floor(at)]) / 2;
}

/** @type {import("./core.mjs").Figure} */
export const screening = {
  name: "screening",
  title: "Three looks at the same samples",
  controls: [
    slider("T", "sequence length T", [100, 400, 1600, 6400], 100),
    slider("M", "how many random V", [1, 2, 4, 8, 16], 16),
  ], // prettier-ignore
  extra: { seed: 0 },
  presets: [
    ["T = 100", {}],
    ["T = 1,600", { T: 1600 }],
    ["T = 6,400", { T: 6400 }],
    ["one random V", { M: 1 }],
  ],
  bet: {
    question: `At T = 100 screening has all six positions on top after some ${LEAST} samples. T grows sixteenfold, to 1,600. How many samples does it need?`,
    options: ["16 times as many", "4 times as many", "less than twice as many"],
    outcome({ state, ends }) {
      if (state.T !== 1600 || ends.length < STREAMS) return -1;
      const more = median(ends.map((/** @type {number[]} */ end) => end[0])) / LEAST;
      return more > 8 ? 0 : more > 2 ? 1 : 2;
    },
  },
  still: { state: { T: 1600 }, steps: 510 },

  start(state, scb) {
    const task = smallTask(scb, "random", state.T);
    const run = { state, task, start: scb.trainer(task), ends: [], done: false };
    begin(run);
    return run;
  },

  step(run, n) {
    const { task, ends } = run;
    const { T } = task;
    for (let taken = 0; taken < n; taken++) {
      if (ends.length === STREAMS) return taken;
      if (run.done) begin(run);
      const step = run.n / SOME;
      const { tokens, last, target } = task.sample(SOME, { seed: run.stream, step });
      for (let i = 0; i < SOME; i++)
        for (let t = 0; t < T; t++)
          run.counts[9 * (last[i] * T + t) + 3 * tokens[i][t] + target[i]]++;
      const { A } = run.start.gradients(SOME, step);
      for (const k of TOKENS) for (let t = 0; t < T; t++) run.total[k][t] += A[k][t];
      run.n += SOME;
      run.chi = chiSquare(run);
      run.random = moved(run);
      [run.chi, run.random].forEach((scores, i) => {
        if (!run.now[i] && onTop(scores, task)) run.now[i] = run.n;
      });
      run.done = run.n >= MOST || (run.now[0] > 0 && run.now[1] > 0);
      if (run.done) ends.push(run.now.map((/** @type {number} */ n) => n || 0));
    }
    return n;
  },

  draw(run, width) {
    const { T, M } = run.state;
    const where = run.task.positions[SHOWN];
    const wide = width >= 560;
    const each = wide ? (width - 100) / 3 : width - 54;
    const tall = wide ? 150 : 90;
    const steps = `${M === 1 ? "one random V" : `${M} random V`}: one step`;
    let body = "";
    /** @type {[string, Float64Array, number, string][]} */
    const looks = [
      ["Stage 1's first step", squares(run.total[SHOWN]), 1, "sgd"],
      [steps, run.random[SHOWN], Math.max(...run.random[SHOWN], 1e-12), "a"],
      ["screening: χ²", run.chi[SHOWN], Math.max(...run.chi[SHOWN], 1e-12), "good"],
    ];
    looks.forEach(([title, scores, full, kind], i) => {
      const p = panel({
        left: wide ? 18 + i * (each + 28) : 30, top: wide ? 24 : 24 + i * (tall + 44), width: each,
        height: tall, xlim: [0, T + 1], ylim: [0, 1.06], xticks: [1, T / 2, T], yticks: [0, 1],
        ynames: ["0", i ? "1" : ""], ylabel: title,
      }); // prettier-ignore
      const size = Array.from(scores, (x) => x / full);
      const bars = size.map((x, t) => (where.includes(t) ? 0 : x));
      const level = noise(size, where);
      body += p.markup + stems(p, bars, kind);
      where.forEach((/** @type {number} */ t) => (body += line(p, [t + 1, t + 1], [0, size[t]], kind))); // prettier-ignore
      body += rings(p, where.map((/** @type {number} */ t) => t + 1), where.map((/** @type {number} */ t) => size[t]), 5); // prettier-ignore
      if (i) body += rule(p, { y: level }, "theory dashed");
      else if (level < 1e-20)
        body += label(
          (p.left + p.right) / 2,
          p.top + tall / 2,
          "zero at every position",
          "middle small",
        );
    });

    const at = wide ? tall + 84 : 3 * (tall + 44) + 40;
    const rows = panel({
      left: 86, top: at, width: width - 102, height: 76, xlim: [90, 4000], ylim: [0.4, 2.6], xlog: true,
      xticks: wide ? [100, 200, 400, 800, 1600] : [100, 400, 1600], yticks: [1, 2], xlabel: "samples",
      ynames: ["screening", "random V"], ylabel: `all six on top, ${run.ends.length} of ${STREAMS}${wide ? " streams" : ""}`,
    }); // prettier-ignore
    body += rows.markup + (run.n > 90 ? rule(rows, { x: run.n }, "soft") : "");
    ["good", "a"].forEach((kind, i) => {
      const found = run.ends.map((/** @type {number[]} */ end) => end[i]);
      const hits = found.filter((/** @type {number} */ n) => n > 0);
      body += dots(rows, hits, hits.map(() => 1 + i), kind, 4); // prettier-ignore
      const missed = found.length - hits.length;
      if (missed) body += label(rows.right, rows.y(1 + i) + 4, `${missed} not`, "small end");
      const middle = found.length ? median(found) : Infinity;
      if (middle <= MOST) body += line(rows, [middle, middle], [0.62 + i, 1.38 + i], "theory");
    });
    /** @type {[string, string, string?][]} */
    const names = [["truth", "attended", "ring"], ["theory dashed", "largest other"], ["theory", "half of the streams"]]; // prettier-ignore
    const lines = wide ? [names] : [names.slice(0, 2), names.slice(2)];
    lines.forEach((row, i) => (body += key(30, rows.bottom + 58 + 22 * i, row)));
    return { height: rows.bottom + 46 + 22 * lines.length, body };
  },

  words({ state, n, stream, now, ends }) {
    const { T, M } = state;
    const many = M === 1 ? "one random V" : `${M} random V`;
    const when = (/** @type {number} */ since) => since > 0 ? `since ${tidy(since)}` : "not yet"; // prettier-ignore
    const seen = now[0] > 0 || now[1] > 0 ? `screening has all six positions on top ${when(now[0])}, ${many} ${when(now[1])}.` : "not all six positions are on top yet."; // prettier-ignore
    const here = `T = ${tidy(T)}, stream ${(stream % 1000) + 1}, ${tidy(n)} samples: ${seen}`;
    if (!ends.length)
      return `${here} Stage 1's first step is zero at every position: it reads a bag of words.`;
    const half = [0, 1].map((i) => median(ends.map((/** @type {number[]} */ end) => end[i])));
    const needed = (/** @type {number} */ m) => m <= MOST ? `${tidy(m)} samples` : `more than ${tidy(MOST)}`; // prettier-ignore
    const whose = ends.length === 1 ? "The first stream" : `Half of ${ends.length} streams`;
    return `${here} ${whose} needed ${needed(half[0])} by screening, ${needed(half[1])} with ${many}; Stage 1's first step shows none.`;
  },

  event: (run) => (run.ends.length === STREAMS ? screening.words(run) : ""),

  python({ state: { T, M, seed }, ends }) {
    return `import numpy as np
import scbtools as scb
from scbtools import screening

task = scb.${inPython("random", T)}
where = task.sparse_attention.positions


def on_top(scores):  # (3, T): whether the attended positions have the largest
    others = scores.copy()
    np.put_along_axis(others, where, 0, axis=1)
    least = np.take_along_axis(scores, where, axis=1).min(axis=1)
    return (least > ${SURE} * others.max(axis=1)).all()


def signs(stream, x=0):  # a simple generator
    x = stream % ${PRIME - 1} + 1
    for i in range(9 + 9 * ${M}):
        x = x * 48271 % ${PRIME}
        if i >= 9:
            yield -1 if x < 2**30 else 1


for stream in range(${1000 * seed}, ${1000 * seed + ends.length}):
    W = np.reshape(list(signs(stream)), (${M}, 3, 3))
    u = W - (task.stationary[:, None] * W).sum(axis=1, keepdims=True)
    counts, found = 0, [0, 0]
    for step in range(${MOST / SOME}):
        counts = counts + screening.pair_counts(task.sample(${SOME}, stream, step), 3)
        move = np.tensordot(counts, u, ((2, 3), (2, 1)))  # (3, ${T}, ${M})
        moved = ((move - move.mean(axis=1, keepdims=True)) ** 2).sum(axis=2)
        for i, scores in enumerate((screening.chi_square(counts), moved)):
            found[i] = found[i] or on_top(scores) * ${SOME} * (step + 1)
        if all(found):
            break
    print(*map(int, found))  # samples until all six are on top; 0: not with ${MOST}
`;
  },

  data({ n, stream, ends, chi, random, total }) {
    const rows = (/** @type {Float64Array[]} */ scores) => scores.map((row) => [...row]);
    return {
      n, stream, ends: ends.map((/** @type {number[]} */ end) => [...end]),
      median: [0, 1].map((i) => median(ends.map((/** @type {number[]} */ end) => end[i])) || null),
      chi: rows(chi), random: rows(random), first: rows(total),
      python: ends.flat(),
    }; // prettier-ignore
  },
};
