// One step of attention from a pretrained V: which positions stick out, and how often all do.

import { range, slider, toggle } from "./core.mjs";
import { box, dots, held, key, line, panel, rings, rule, tidy } from "./draw.mjs";
import { share, tail } from "./chance.mjs";
import { inText } from "./small.mjs";

const THETA = 0.5;
const Q = 2; // attended positions of each token
const K_P = 1 / 4; // of the new language
const RUNS = 100; // of the largest batch
const NEEDED = 0.9; // share of columns that counts as enough
const BATCHES = Array.from({ length: 8 }, (_, i) => 16 * 2 ** i);
const LARGEST = 16384; // batch for which the law is drawn
const HIGH = 0.3; // up to where an entry is drawn
const TOKENS = [0, 1, 2, 3];

/** A matrix of all pairs of tokens. @param {(n: number, m: number) => number} entry */
const pairs = (entry) => TOKENS.map((n) => TOKENS.map((m) => entry(n, m)));

/** Whether two tokens share a half of the alphabet: -1, or 1. @param {number} n @param {number} m */
const halves = (n, m) => (n < 2 === m < 2 ? -1 : 1);

/** Whether their places are both odd or both even: 1, or -1. @param {number} n @param {number} m */
const places = (n, m) => ((n + m) % 2 ? -1 : 1);

/** The new language: from a or b to c or d, and back. */
const NEW = pairs((n, m) => (1 + halves(n, m)) / 4);

/** A language whose correlation with the new one is rho. @param {number} rho */
const old = (rho) =>
  pairs((n, m) => (1 + 0.7 * (rho * halves(n, m) + Math.sqrt(1 - rho * rho) * places(n, m))) / 4);

/** Where each token looks, from 0. @param {number} T */
const attended = (T) => [[2, 7], [1, 5], [4, 8], [3, 6]].map((at) => at.map((t) => (t * T) / 10)); // prettier-ignore

/** How far attended entries stand above the noise, in its deviations. @param {any} state @param {number} B */
const height = ({ rho, reflect }, B) => ((reflect ? Math.abs(rho) : rho) / Q) * Math.sqrt(K_P * B);

/** The chance that Q entries N(z, 1) exceed all T - Q entries N(0, 1), by z. @param {number} T */
function law(T) {
  const xs = range(-4, 9, 0.1);
  const largest = xs.map((x) => {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    return 0.1 * (T - Q) * density * (1 - tail(x)) ** (T - Q - 1);
  });
  return (/** @type {number} */ z) =>
    xs.reduce((sum, x, i) => sum + largest[i] * tail(x - z) ** Q, 0);
}

/** The batch at which shares, by rising batch, come to what is needed. @param {number[]} batches @param {number[]} shares */
function enough(batches, shares) {
  const odds = shares.map((s) => Math.log((s * (1 - NEEDED)) / ((1 - s) * NEEDED)));
  const i = odds.findIndex((o) => o >= 0);
  if (i < 1) return NaN;
  return batches[i - 1] * (batches[i] / batches[i - 1]) ** (odds[i - 1] / (odds[i - 1] - odds[i]));
}

/** @type {import("./core.mjs").Figure} */
export const transfer = {
  name: "transfer",
  title: "One step from what another language taught",
  controls: [
    slider("rho", "correlation ρ of old and new", range(-1, 1, 0.05), 1),
    slider("B", "largest batch B", BATCHES, 512),
    slider("T", "sequence length T", [20, 50, 100, 200, 400, 1000], 200),
    toggle("reflect", "reflect what looks mirrored"),
  ],
  extra: { seed: 0 },
  presets: [
    ["the best teacher, ρ = 1", {}],
    ["half of that, ρ = ½", { rho: 0.5, B: 2048 }],
    ["opposites", { rho: -1 }],
    ["opposites, reflected", { rho: -1, reflect: true }],
    ["nothing in common", { rho: 0 }],
  ],
  bet: {
    question:
      "At ρ = 1 a batch of about 300 finds nine columns in ten. How much more does ρ = ½ need?",
    options: ["2 times as much", "4 times as much", "16 times as much"],
    outcome(run) {
      const ratio = run.least() / run.best;
      if (Math.abs(run.state.rho) !== 0.5 || !run.sure() || !ratio) return -1;
      return ratio < 2.8 ? 0 : ratio < 8 ? 1 : 2;
    },
  },
  still: { state: { rho: 0.5, B: 2048 }, steps: RUNS * 8 },

  start(state, scb) {
    const { rho, T, B, seed } = state;
    const task = scb.task({
      transition: NEW, positions: attended(T), weights: TOKENS.map(() => [1 / Q, 1 / Q]), seqLen: T,
    }); // prettier-ignore
    const before = old(rho);
    const V = pairs((n, m) => THETA * before[n][m] + (1 - THETA) * task.stationary[n]);
    const trained = scb.trainer(task, { seed });
    const chance = law(T);
    const fine = Array.from({ length: 41 }, (_, i) => 16 * (LARGEST / 16) ** (i / 40));
    const curve = fine.map((b) => chance(height(state, b)));
    const reference = fine.map((b) => chance(height({ rho: 1 }, b)));
    const ladder = BATCHES.filter((b) => b <= B);
    return {
      state, task, trained, before, V, ladder, fine, curve, reference, law: chance,
      best: enough(fine, reference), count: 0,
      precondition: (/** @type {any} */ gradients) => scb.precondition(task, gradients).A, hits: ladder.map(() => 0),
      column: new Float64Array(T).fill(1 / T), shown: 0,
      /** How many steps a batch of the ladder has had. @param {number} i */
      runs(i) { return Math.ceil((this.count - i) / ladder.length); },
      sure() { return this.runs(ladder.length - 1) >= 20; },
      /** The least batch that was enough, as counted; NaN if none was. */
      least() { return enough(ladder, this.hits.map((/** @type {number} */ h, /** @type {number} */ i) => (h + 0.5) / (4 * this.runs(i) + 1))); },
    }; // prettier-ignore
  },

  // Each step is the first from the same start: with 16 samples, with 32, up to B, and again.
  step(run, n) {
    const { state, task, trained, ladder } = run;
    for (let taken = 0; taken < n; taken++) {
      if (run.count >= RUNS * ladder.length) return taken;
      const rung = run.count % ladder.length;
      trained.reset({ V: run.V });
      const moves = run.precondition(trained.gradients(ladder[rung], run.count));
      for (const k of TOKENS)
        for (let t = 0; t < state.T; t++) trained.A[k][t] -= moves[k][t] / task.K_P;
      if (state.reflect && trained.looksMirrored()) trained.reflect();
      attended(state.T).forEach((where, k) => {
        const column = Float64Array.from(trained.A[k]);
        if (k === 0 && (run.count < ladder.length || rung === ladder.length - 1))
          Object.assign(run, { column: column.slice(), shown: ladder[rung] });
        const least = Math.min(...where.map((t) => column[t]));
        for (const t of where) column[t] = -Infinity;
        if (column.every((a) => a < least)) run.hits[rung]++;
      });
      run.count++;
    }
    return n;
  },

  draw(run, width) {
    const wide = width >= 560;
    const { state, shown, ladder, column } = run;
    const tall = wide ? 210 : 150;
    const language = panel({
      left: 34, top: 30, width: wide ? 84 : width - 54, height: wide ? tall : 70, xlim: [0.4, 4.6],
      ylim: [-0.05, 0.6], xticks: [1, 2, 3, 4], xnames: ["a", "b", "c", "d"], yticks: [0, 0.25, 0.5],
      ylabel: "after a come",
    }); // prettier-ignore
    let body = language.markup;
    for (const n of TOKENS) body += box(language, n + 0.7, n + 1.3, 0, run.before[n][0], "v");
    body += rings(language, [1, 2, 3, 4], NEW.map((row) => row[0]), 5); // prettier-ignore

    const left = wide ? 176 : 48;
    const middle = panel({
      left, top: wide ? 30 : 154, width: wide ? (width - 300) * 0.6 : width - left - 20, height: tall,
      xlim: [1, state.T], ylim: [-HIGH, HIGH], yticks: [-0.2, 0, 0.2], xticks: [1, state.T / 2, state.T],
      ylabel: `a's attention after ${shown ? `a step, B = ${tidy(shown)}` : "no step"}`, xlabel: "position t",
    }); // prettier-ignore
    const spread = (0.7 * THETA) / Math.sqrt(K_P * shown); // of the noise of an entry
    const reach = shown ? Math.min(HIGH, spread * Math.sqrt(2 * Math.log(state.T))) : 0;
    const expected = (0.7 * THETA * (state.reflect ? Math.abs(state.rho) : state.rho)) / Q;
    body += middle.markup + box(middle, 1, state.T, -reach, reach, "soft", 0.25);
    body += rule(middle, { y: expected }, expected < 0 ? "mirror dashed" : "theory dashed");
    const specks = Array.from(column, (/** @type {number} */ a, t) => Math.abs(a) < HIGH ? `M${middle.x(t + 1)} ${middle.y(a)}h0` : ""); // prettier-ignore
    body += `<path class="line a" style="stroke-width:3.5;stroke-linecap:round" d="${specks.join("")}"/>`;
    const where = attended(state.T)[0];
    body += rings(middle, where.map((t) => t + 1), where.map((t) => held(column[t], [-HIGH, HIGH]))); // prettier-ignore

    const right = wide ? middle.right + 58 : 48;
    const top = wide ? 30 : 384;
    const shares = panel({
      left: right, top, width: width - right - 16, height: tall, xlim: [16, LARGEST], ylim: [-0.03, 1.05],
      xlog: true, xticks: [16, 128, 1024, 8192], yticks: [0, 0.5, NEEDED], xlabel: "batch B",
      ylabel: "columns found",
    }); // prettier-ignore
    body += shares.markup + line(shares, run.fine, run.reference, "soft dashed");
    body += line(shares, run.fine, run.curve, "theory thin");
    for (let i = 0; i < ladder.length && i < run.count; i++) {
      const found = share(run.hits[i], 4 * run.runs(i));
      body += line(shares, [ladder[i], ladder[i]], [found.low, found.high], "a");
      body += dots(shares, [ladder[i]], [found.value], "a", 4);
    }
    const names = [
      ["v", "old", "area"], ["truth", "new; attended", "ring"], ["soft faint", "reach of noise", "area"],
      ["a", "counted", "dot"], ["theory thin", "law"], ["soft dashed", "law at ρ = 1"],
    ]; // prettier-ignore
    const rows = wide ? [names] : [0, 2, 4].map((i) => names.slice(i, i + 2));
    rows.forEach((row, i) => (body += key(wide ? 34 : 48, top + tall + 58 + 22 * i, row)));
    return { height: top + tall + 46 + 22 * rows.length, body };
  },

  words(run) {
    const { state, ladder } = run;
    const { rho, B, T, reflect } = state;
    const top = ladder.length - 1;
    const runs = run.runs(top);
    const about = `ρ = ${tidy(rho)}, T = ${tidy(T)}`;
    if (runs < 1) return `${about}: single steps of attention, with batches up to ${tidy(B)}.`;
    const percent = (/** @type {number} */ x) => `${Math.round(100 * x)} %`;
    const counted = `${about}: ${runs === 1 ? "one batch" : `${runs} batches`} of ${tidy(B)} found ${percent(run.hits[top] / (4 * runs))} of the columns; the law says ${percent(run.law(height(state, B)))}.`;
    if (!rho) return `${counted} There is nothing to hand over.`;
    if (rho < 0 && !reflect)
      return `${counted} Attended entries stick out below: the step leads to the mirror.`;
    const least = run.least();
    if (!least || !run.sure())
      return `${counted} Attended entries stand ${tidy(height(state, B), 2)} standard deviations above the noise${run.sure() ? ": nine in ten need a larger batch" : ""}.`;
    const round = (/** @type {number} */ v) => tidy(Number(v.toPrecision(2)));
    const more = Math.abs(rho) < 1 ? `, ${tidy(1 / rho ** 2, 2)} times what ρ = 1 needs` : "";
    return `${counted} Nine in ten need about ${round(least)}; by the law ${round(run.best / rho ** 2)}${more}.`;
  },

  python({ state, ladder, count }) {
    const { rho, T, seed, reflect } = state;
    const rows = inText(attended(T));
    const mend = `    if looks_mirrored(A):\n        A = 2 / ${T} - A\n`;
    return `import numpy as np
import scbtools as scb
from scbtools.updates import looks_mirrored

rho, token = ${rho}, np.arange(4)  # tokens: a, b, c, d
halves = np.where((token[:, None] < 2) == (token < 2), -1, 1)
places = np.where((token[:, None] + token) % 2, -1, 1)
P = (1 + halves) / 4
P_hat = (1 + 0.7 * (rho * halves + np.sqrt(1 - rho * rho) * places)) / 4

positions = ${rows}
task = scb.SCBTask.from_sparse(P, positions, np.full((4, 2), 1 / 2), ${T})
start = scb.transfer_start(task, P_hat, theta=1 / 2)

batches = [${ladder.join(", ")}]
found, A = np.zeros(len(batches)), start.A
for step in range(${count}):
    i = step % len(batches)
    raw = scb.minibatch_gradients(task, start, batches[i], seed=${seed}, step=step)
    A = start.A - scb.precondition(task, raw).A / task.K_P
${reflect ? mend : ""}    found[i] += scb.support_recovered(task, A).sum()
print(*found)  # columns found, of 4 a step
`.replace(reflect ? "" : "from scbtools.updates import looks_mirrored\n", "");
  },

  data: (run) => ({
    steps: run.count, batches: run.ladder, found: [...run.hits], python: [...run.hits],
    law: run.ladder.map((/** @type {number} */ b) => Number(run.law(height(run.state, b)).toFixed(12))),
    column: [...run.column], shown: run.shown, least: run.least() || null, best: run.best,
  }), // prettier-ignore
};
