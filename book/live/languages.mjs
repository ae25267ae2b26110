// One step of attention towards a language, from what another one knows: real bigrams.

import { BIGRAMS } from "./bigrams.mjs";
import { tail } from "./chance.mjs";
import { choice, range, slider } from "./core.mjs";
import { box, dots, key, label, line, panel, rings, tidy } from "./draw.mjs";

const LETTERS = "_abcdefghijklmnopqrstuvwxyz";
const N = LETTERS.length;
const EACH = Array.from({ length: N }, (_, k) => k);
const T = 100;
const Q = 2; // attended positions of each letter
const THETA = 0.5;
const BATCHES = 48;
const NAMES = { en: "English", de: "German", fr: "French", fi: "Finnish", pl: "Polish" };
const OTHERS = { back: "the learner's, read backwards", classes: "mark, vowels, consonants" };

/** Where each letter looks, from 0: anywhere. */
const places = EACH.map((k) => [(37 * k + 5) % T, (38 * k + 34) % T].sort((a, b) => a - b));

/** What follows what in a language, as rows. @param {string} name */
function transition(name) {
  const counts = BIGRAMS[name].split(" ").map((digits) => parseInt(digits || "0", 36));
  const sums = EACH.map((k) => EACH.reduce((sum, n) => sum + counts[N * k + n], 0));
  return EACH.map((n) => EACH.map((k) => counts[N * k + n] / sums[k]));
}

/** What a teacher knows, shifted so that it maps mu to mu. @param {string} teacher @param {any} task */
function known(teacher, { transition: P, stationary: mu }) {
  let matrix = P;
  if (teacher in NAMES) matrix = transition(teacher);
  if (teacher === "back") matrix = EACH.map((n) => EACH.map((k) => (mu[n] * P[k][n]) / mu[k]));
  if (teacher === "classes") {
    const kind = EACH.map((k) => (k ? 1 + Number(!"aeiouy".includes(LETTERS[k])) : 0));
    const share = [0, 0, 0];
    const pairs = [0, 1, 2].map(() => [0, 0, 0]);
    for (const k of EACH) {
      share[kind[k]] += mu[k];
      for (const n of EACH) pairs[kind[n]][kind[k]] += P[n][k] * mu[k];
    }
    matrix = EACH.map((n) =>
      EACH.map((k) => (mu[n] * pairs[kind[n]][kind[k]]) / share[kind[n]] / share[kind[k]]),
    );
  }
  return EACH.map((n) => {
    const shift = EACH.reduce((sum, k) => sum + matrix[n][k] * mu[k], 0) - mu[n];
    return Float64Array.from(matrix[n], (/** @type {number} */ p) => p - shift);
  });
}

/** Correlation of a teacher with the learner, and how far each letter's attended entries stand above the noise with one sample. @param {any} task @param {Float64Array[]} taught */
function promise({ transition: P, stationary: mu, K_P }, taught) {
  let [product, square, spread] = [0, 0, 0];
  for (const k of EACH) {
    let [mean, power] = [0, 0];
    for (const n of EACH) {
      const off = taught[n][k] - mu[n];
      product += off * (P[n][k] - mu[n]) * mu[k];
      square += off * off * mu[k];
      mean += mu[n] * off;
      power += mu[n] * off * off;
    }
    spread += mu[k] * (power - mean * mean);
  }
  const z = EACH.map((k) => (product / (Q * Math.sqrt(spread))) * Math.sqrt(mu[k]));
  return { rho: product / Math.sqrt(square * K_P), z };
}

const GRID = range(-4, 9, 0.1);
/** The density of the largest of T - Q standard Gaussians. */
const LARGEST = GRID.map(
  (x) => (0.1 * (T - Q) * Math.exp((-x * x) / 2) * (1 - tail(x)) ** (T - Q - 1)) / Math.sqrt(2 * Math.PI),
); // prettier-ignore

/** The chance that Q entries N(z, 1) exceed all the others. @param {number} z */
const chance = (z) => GRID.reduce((sum, x, i) => sum + LARGEST[i] * tail(x - z) ** Q, 0);

/** What share of the text a law promises. @param {number[]} odds @param {ArrayLike<number>} mu */
const weighed = (odds, mu) => odds.reduce((sum, x, k) => sum + x * mu[k], 0);

/** Per cent. @param {number} x */
const percent = (x) => `${Math.round(100 * x)} %`;

/** @type {import("./core.mjs").Figure} */
export const languages = {
  name: "languages",
  title: "One step towards a language, from another",
  controls: [
    choice("learner", "learner", NAMES, "en"),
    choice("teacher", "teacher", { ...NAMES, ...OTHERS }, "fr"),
    slider("B", "batch size B", [256, 512, 1024, 2048, 4096, 8192], 4096),
  ],
  extra: { seed: 0 },
  presets: [
    ["English from French", {}],
    ["Finnish from French", { learner: "fi" }],
    ["English read backwards", { teacher: "back" }],
    ["mark, vowels, consonants", { teacher: "classes" }],
  ],
  bet: {
    question:
      "Who shows an English learner more: English read backwards, with its letters and its pairs, or one who only knows how the mark between words, vowels and consonants follow each other?",
    options: ["English read backwards", "mark, vowels, consonants", "both about the same"],
    outcome({ state, others, count, share }) {
      const rival = { back: "classes", classes: "back" }[/** @type {string} */ (state.teacher)];
      if (!rival || state.learner !== "en" || state.B !== 4096 || count < BATCHES / 2) return -1;
      const ahead = share / count - others[rival].share;
      if (Math.abs(ahead) < 0.05) return 2;
      return (state.teacher === "back") === ahead > 0 ? 0 : 1;
    },
  },
  still: { steps: BATCHES },

  start(state, scb) {
    const task = scb.task({
      transition: transition(state.learner), positions: places, weights: EACH.map(() => [1 / Q, 1 / Q]), seqLen: T,
    }); // prettier-ignore
    const { stationary: mu } = task;
    /** @type {Record<string, any>} */
    const others = {};
    for (const name of Object.keys({ ...NAMES, ...OTHERS })) {
      const { rho, z } = promise(task, known(name, task));
      const odds = z.map((each) => chance(each * Math.sqrt(state.B)));
      others[name] = { rho, z, odds, share: weighed(odds, mu) };
    }
    const taught = known(state.teacher, task);
    const V = EACH.map((n) => taught[n].map((p) => THETA * p + (1 - THETA) * mu[n]));
    const trained = scb.trainer(task, { seed: state.seed, batchSize: state.B });
    trained.reset({ V });
    const precondition = (/** @type {any} */ raw) => scb.precondition(task, raw).A;
    return { state, task, trained, precondition, others, V, count: 0, share: 0, hits: EACH.map(() => 0) }; // prettier-ignore
  },

  // Each step is the first from the same start, on a batch of its own.
  step(run, n) {
    const { task, trained, hits } = run;
    for (let taken = 0; taken < n; taken++) {
      if (run.count === BATCHES) return taken;
      const moves = run.precondition(trained.gradients(run.state.B, run.count));
      for (const k of EACH) {
        const at = places[k];
        const least = Math.max(...at.map((t) => moves[k][t])); // A moves against its gradient
        if (moves[k].every((/** @type {number} */ g, /** @type {number} */ t) => g > least || at.includes(t))) {
          hits[k]++;
          run.share += task.stationary[k];
        }
      } // prettier-ignore
      run.count++;
    }
    return n;
  },

  draw(run, width) {
    const { state, others, hits, count } = run;
    const wide = width >= 560;
    const tall = wide ? 190 : 150;
    const now = others[state.teacher];
    const across = wide ? width * 0.62 - 50 : width - 56;
    const letters = panel({
      left: 40, top: 28, width: across, height: tall, xlim: [0.3, N + 0.7], ylim: [0, 1.04],
      xticks: EACH.map((k) => k + 1), xnames: [...LETTERS], yticks: [0, 0.5, 1],
      ylabel: `how often found, of ${count} ${count === 1 ? "batch" : "batches"}`, grid: false,
    }); // prettier-ignore
    let body = letters.markup;
    if (count) for (const k of EACH) body += box(letters, k + 0.68, k + 1.32, 0, hits[k] / count, "a"); // prettier-ignore
    body += dots(letters, EACH.map((k) => k + 1), now.odds, "truth", 2.5); // prettier-ignore

    const left = wide ? width * 0.62 + 40 : 40;
    const shares = panel({
      left, top: wide ? 28 : tall + 84, width: width - left - 18, height: tall, xlim: [-0.15, 1.04],
      ylim: [0, 1.04], xticks: [0, 0.5, 1], yticks: [0, 0.5, 1], xlabel: "correlation ρ",
      ylabel: "share of the text",
    }); // prettier-ignore
    body += shares.markup;
    const rest = Object.values(others);
    body += dots(shares, rest.map((each) => each.rho), rest.map((each) => each.share), "soft", 3.5); // prettier-ignore
    if (count) {
      const found = run.share / count;
      body += line(shares, [now.rho, now.rho], [0, found], "a thin dashed");
      body += dots(shares, [now.rho], [found], "a", 5.5);
    }
    body += rings(shares, [now.rho], [now.share], 8, "theory");
    const side = now.rho > 0.6 ? -1 : 1; // of the line, with room for a few letters
    body += label(shares.x(now.rho) + 6 * side, shares.bottom - 8, `ρ = ${tidy(now.rho, 2)}`, `${side > 0 ? "start" : "end"} small halo`); // prettier-ignore
    /** @type {[string, string, string?][]} */
    const names = [["a", "found", "area"], ["truth", "law", "dot"], ["theory", "this teacher, law", "ring"], ["soft", "other teachers", "dot"]]; // prettier-ignore
    const rows = wide ? [names] : [names.slice(0, 2), names.slice(2, 3), names.slice(3)];
    const bottom = shares.bottom + 58;
    rows.forEach((row, i) => (body += key(40, bottom + 22 * i, row)));
    return { height: bottom + 22 * rows.length - 10, body };
  },

  words({ state, others, count, share, hits }) {
    const { learner, teacher, B } = state;
    /** @type {Record<string, string>} */
    const names = NAMES;
    const language = names[learner];
    /** @type {Record<string, string>} */
    const told = { back: `${language} read backwards`, classes: `one who knows ${language}'s mark, vowels and consonants only`, [learner]: "itself" }; // prettier-ignore
    const now = others[teacher];
    const head = `${language}, taught by ${told[teacher] || names[teacher]}: ρ = ${tidy(now.rho, 2)}.`;
    if (!count) return `${head} By the law a batch of ${tidy(B)} finds letters with ${percent(now.share)} of the text.`; // prettier-ignore
    const never = EACH.filter((k) => !hits[k]).map((k) => LETTERS[k]);
    const missed = never.length === 0 ? "" : never.length > 20 ? " Hardly any letter shows." : ` Never found: ${never.join(", ")}.`; // prettier-ignore
    const rival = { back: "classes", classes: "back" }[/** @type {string} */ (teacher)];
    const beside = rival ? ` By the law, ${told[rival]} shows ${percent(others[rival].share)}.` : ""; // prettier-ignore
    return `${head} ${count === 1 ? "A batch" : `${count} batches`} of ${tidy(B)} found letters with ${percent(share / count)} of the text; the law says ${percent(now.share)}.${missed}${beside}`;
  },

  event: (run) => (run.count === BATCHES ? languages.words(run) : ""),

  python({ state: { learner, teacher, B, seed }, count }) {
    /** @type {Record<string, string>} */
    const asked = { back: "mu[:, None] * P.T / mu", classes: "bigrams.classes_only(task)" };
    return `import numpy as np
import scbtools as scb
from experiments import bigrams  # in the book's folder

counts, k = bigrams.counts_of("${learner}"), np.arange(${N})
P = counts / counts.sum(axis=0)
where = np.sort([(37 * k + 5) % ${T}, (38 * k + 34) % ${T}], axis=0).T
task = scb.SCBTask.from_sparse(P, where, np.full((${N}, ${Q}), 1 / ${Q}), ${T})
mu = task.stationary

P_hat = ${asked[teacher] || `bigrams.language("${teacher}").transition`}
start = scb.transfer_start(task, P_hat, ${THETA}, recentre=True)
found = np.zeros(${N}, int)
for step in range(${count}):
    raw = scb.minibatch_gradients(task, start, ${B}, seed=${seed}, step=step)
    A = start.A - scb.precondition(task, raw).A / task.K_P
    found += scb.support_recovered(task, A)
print(*found)  # by letter: in how many batches its two positions are on top
`;
  },

  data({ others, state, hits, count, share, V, task }) {
    const { rho, z, odds, share: law } = others[state.teacher];
    const exact = (/** @type {number} */ x) => Number(x.toFixed(12)); // as far as engines agree
    return {
      rho, z, odds: odds.map(exact), law: exact(law), count, share: count ? share / count : null, hits: [...hits],
      V: V.map((/** @type {Float64Array} */ row) => [...row]), mu: [...task.stationary],
      rhos: Object.fromEntries(Object.entries(others).map(([name, each]) => [name, each.rho])),
      python: [...hits],
    }; // prettier-ignore
  },
};
