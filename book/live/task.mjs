// The reader's own task: where to look (Q), what follows (P), a row of tokens and the last one;
// sequences are drawn, and what followed this very row is counted beside the law of eq. 1.

import { choice, range, slider } from "./core.mjs";
import { box, key, label, line, panel, px, tidy } from "./draw.mjs";

const NAMES = "abc";
const LENGTH = 4; // T
const BATCH = 100; // draws of one step of the token stream
const MOST = 200000; // draws, after which a run ends
const PARTS = {
  text: "101000010130",
  bigram: "000100010001",
  skip: "010001000100",
  even: "111111111111",
};
const TEXT = { row: "bcab", last: "a" }; // the example of the text
const ROWS = Array.from({ length: 81 }, (_, i) => [27, 9, 3, 1].map((d) => NAMES[Math.floor(i / d) % 3])); // prettier-ignore

/**
 * @typedef {{state: any, P: number[][], Q: number[][], task: any, law: number[], usual: number[],
 *   changed: number[], counts: number[], hits: number, drawn: number, batch?: any,
 *   latest: {tokens: number[], last: number, target: number, same: boolean}[]}} Run
 */

/** A matrix whose columns are digits over their sum. @param {string} digits @param {number} rows */
function columns(digits, rows) {
  const parts = [0, 1, 2].map((k) => [...digits.slice(k * rows, (k + 1) * rows)].map(Number));
  const sums = parts.map((column) => column.reduce((x, y) => x + y));
  return Array.from({ length: rows }, (_, t) => parts.map((column, k) => column[t] / sums[k]));
}

/** Give a digit its next value, 0 to 3, or the one before; no column may be empty. @param {string} digits @param {number} at @param {number} rows @param {number} by */
function turned(digits, at, rows, by) {
  const first = at - (at % rows);
  const others = digits.slice(first, at) + digits.slice(at + 1, first + rows);
  const next = (Number(digits[at]) + by + 4) % 4;
  const least = by > 0 ? 1 : 3;
  return digits.slice(0, at) + (/[1-9]/.test(others) ? next : next || least) + digits.slice(at + 1);
}

/** A share as people write it by hand. @param {number} v */
function share(v) {
  for (const d of [1, 2, 3, 4, 6, 8, 12]) {
    const n = Math.round(v * d);
    if (Math.abs(v * d - n) < 1e-9) return d === 1 ? `${n}` : `${n}/${d}`;
  }
  return tidy(v, 2);
}

/** @param {any} state */
const digitsOf = (state) => (state.look === "own" ? state.own : PARTS[/** @type {"text"} */ (state.look)]); // prettier-ignore

/** The law of what follows (eq. 1). @param {number[][]} P @param {number[][]} Q @param {string} row @param {string} last */
function lawOf(P, Q, row, last) {
  const k = NAMES.indexOf(last);
  return P.map((p) => Q.reduce((sum, q, t) => sum + q[k] * p[NAMES.indexOf(row[t])], 0));
}

/** Where things stand in a drawing. @param {number} width */
function layout(width) {
  const wide = width >= 560;
  if (wide) return { wide, cell: 36, row: [width / 2 - 128, 122], Q: [52, 54], P: [width - 128, 54], draws: [24, 252], tally: [330, 266, width - 350, 120], height: 412 }; // prettier-ignore
  const cell = Math.min(34, (width - 110) / 6);
  const under = 232 + 4 * cell; // the matrices
  return { wide, cell, row: [(width - 248) / 2, 84], Q: [30, 212], P: [width - 3 * cell - 12, 212], tally: [34, under + 60, width - 48, 120], draws: [12, under + 240], height: under + 382 }; // prettier-ignore
}

const BOX = 38; // of a token in the row
const places = [0, 1, 2, 3, 4].map((t) => t * 46 + (t === 4 ? 26 : 0)); // their left edges

/** A matrix as shaded cells, some columns framed, with what stands under it. @param {number[][]} matrix @param {string[]} names @param {number[]} at @param {number} cell @param {string} kind @param {number[]} lit @param {string} title */
function cells(matrix, names, [left, top], cell, kind, lit, title) {
  const box = (/** @type {number} */ k, /** @type {number} */ n, high = cell) => `x="${px(left + k * cell)}" y="${px(top + n * cell)}" width="${px(cell)}" height="${px(high)}"`; // prettier-ignore
  let body = label(left, top - 28, title, "strong");
  matrix.forEach((row, n) => {
    body += label(left - 7, top + (n + 0.5) * cell + 4, names[n], "tick end");
    row.forEach((v, k) => {
      if (v > 0)
        body += `<rect class="area ${kind}" ${box(k, n)} fill-opacity="${px(v * 5) / 10}"/>`;
      body += `<rect class="frame" ${box(k, n)}/>`;
      body += label(left + (k + 0.5) * cell, top + (n + 0.5) * cell + 4, share(v), "tick middle");
    });
  });
  for (let k = 0; k < 3; k++) body += label(left + (k + 0.5) * cell, top - 7, NAMES[k], lit.includes(k) ? "middle strong" : "middle"); // prettier-ignore
  for (const k of lit) body += `<rect class="line ${kind}" ${box(k, 0, cell * matrix.length)}/>`;
  return body;
}

/** @param {string} of @param {number} v @param {number} x @param {number} y */
const size = (of, v, x, y) => `<text x="${px(x)}" y="${px(y)}" class="tick">K<tspan dy="3" class="small">${of}</tspan><tspan dy="-3"> = ${tidy(v)}</tspan></text>`; // prettier-ignore

/** @type {import("./core.mjs").Figure} */
export const task = {
  name: "task",
  title: "Your own task",
  controls: [
    choice("row", "the row", Object.fromEntries(ROWS.map((row) => [row.join(""), row.join(" ")])), TEXT.row), // prettier-ignore
    choice("last", "the last token", { a: "a", b: "b", c: "c" }, TEXT.last),
    choice("look", "where last tokens look (Q)", { text: "as in the text", bigram: "all at position 4", skip: "all at position 2", even: "everywhere alike", own: "as clicked" }, "text"), // prettier-ignore
    slider("say", "what P says: 0 nothing, 1 all", range(0, 1, 0.25), 1),
  ],
  extra: { seed: 0, own: PARTS.text, follow: "010101100" },
  presets: [
    ["position 2 changed", { row: "baab" }],
    ["position 1 changed", { row: "acab" }],
    ["another last token", { last: "c" }],
    ["a bigram", { look: "bigram" }],
    ["P says nothing", { say: 0 }],
  ],
  bet: {
    question: "The row b c a b, then a. Which token can change without any effect on what follows?",
    options: ["the one at position 1", "at position 2", "at position 3", "the last one"],
    outcome: ({ state, law, usual, changed }) =>
      state.look === "text" && state.say > 0 && state.last === TEXT.last && changed.join() === "1" && `${law}` === `${usual}` ? 1 : -1, // prettier-ignore
  },
  still: { steps: 100000 },

  start(state, scb) {
    const Q = columns(digitsOf(state), LENGTH);
    const P = columns(state.follow, 3);
    const changed = [0, 1, 2, 3].filter((t) => state.row[t] !== TEXT.row[t]);
    /** @type {Run} */
    const run = { state, P, Q, changed, task: null, law: [], usual: [], counts: [0, 0, 0], hits: 0, drawn: 0, latest: [] }; // prettier-ignore
    try {
      const mu = scb.task({ transition: P, attention: Q }).stationary;
      run.P = P.map((p, n) => p.map((v) => state.say * v + (1 - state.say) * mu[n]));
      run.task = scb.task({ transition: run.P, attention: Q });
      run.law = lawOf(run.P, Q, state.row, state.last);
      run.usual = lawOf(run.P, Q, TEXT.row, TEXT.last);
    } catch {
      // With this P mu is not unique, and words() says so.
    }
    return run;
  },

  step(run, n) {
    const { state } = run;
    if (!run.task) return 0;
    const row = [...state.row].map((token) => NAMES.indexOf(token));
    const last = NAMES.indexOf(state.last);
    for (let i = 0; i < n; i++) {
      if (run.drawn >= MOST) return i;
      const at = run.drawn++ % BATCH;
      const step = (run.drawn - 1) / BATCH;
      if (at === 0) run.batch = run.task.sample(BATCH, { seed: state.seed, step });
      const tokens = run.batch.tokens[at];
      const same = run.batch.last[at] === last && row.every((token, t) => token === tokens[t]);
      if (same) run.counts[run.batch.target[at]] += 1;
      if (same) run.hits++;
      if (i < n - 4) continue;
      run.latest.unshift({ tokens: [...tokens], last: run.batch.last[at], target: run.batch.target[at], same }); // prettier-ignore
      run.latest.length = Math.min(run.latest.length, 4);
    }
    return n;
  },

  draw(run, width) {
    const { state, P, Q, law, usual, counts, hits } = /** @type {Run} */ (run);
    const at = layout(width);
    const k = NAMES.indexOf(state.last);
    const { cell } = at;
    const weights = [0, 1, 2].map((m) => Q.reduce((sum, q, t) => sum + (state.row[t] === NAMES[m] ? q[k] : 0), 0)); // prettier-ignore
    const [names, where] = [[...NAMES], ["1", "2", "3", "4"]];
    const looked = [0, 1, 2].filter((m) => weights[m] > 0);
    let body = cells(Q, where, at.Q, cell, "a", [k], at.wide ? "Q: where to look" : "Q: where");
    body += cells(P, names, at.P, cell, "v", looked, at.wide ? "P: what follows" : "P: what");
    [-0.6, 0, 1, 2].forEach((m) => (body += label(at.P[0] + (m + 0.5) * cell, at.P[1] + 3 * cell + 16, m < 0 ? "×" : share(weights[m]), "tick middle"))); // prettier-ignore
    if (run.task) {
      body += size("Q", run.task.K_Q, at.Q[0], at.Q[1] + 4 * cell + 19);
      body += size("P", run.task.K_P, at.P[0], at.P[1] + 3 * cell + 36);
    }
    // The row, with an arc from the last token to each position that it looks at.
    const [x0, y0] = at.row;
    const middle = places.map((x) => x0 + x + BOX / 2);
    [...state.row, state.last].forEach((token, t) => {
      body += `<rect class="frame" x="${px(x0 + places[t])}" y="${y0}" width="${BOX}" height="${BOX}" rx="4"/>`;
      body += label(middle[t], y0 + 24, token, "middle strong") + label(middle[t], y0 + 58, t < 4 ? t + 1 : "last", "tick middle"); // prettier-ignore
      const weight = t < LENGTH ? Q[t][k] : 0;
      if (!weight) return;
      const high = 14 + 13 * (4 - t);
      body += `<path class="line a" style="stroke-width:${px(1 + 3 * weight)}" d="M${px(middle[4])} ${y0 - 6}C${px(middle[4])} ${y0 - high - 18} ${px(middle[t])} ${y0 - high - 18} ${px(middle[t])} ${y0 - 6}"/>`;
      body += `<circle class="dot ring truth" cx="${px(middle[t])}" cy="${y0 + 19}" r="16"/>`;
      body += label(middle[t] - 7, y0 - 10, share(weight), "tick end halo");
    });
    body += label((middle[0] + middle[4]) / 2, y0 + 78, "press a token or a cell; keys: arrows, + −", "tick middle"); // prettier-ignore
    // The latest draws.
    const [dx, dy] = at.draws;
    body += label(dx, dy - 2, "drawn last: row, last token → next", "tick");
    /** @type {Run} */ (run).latest.forEach((draw, i) => {
      const y = dy + 24 + i * 34;
      if (draw.same) body += `<rect class="area good" x="${dx - 4}" y="${y - 19}" width="252" height="28" rx="4" fill-opacity="0.25"/>`; // prettier-ignore
      draw.tokens.forEach((token, t) => {
        body += label(dx + 16 + t * 32, y, NAMES[token], "middle");
        if (Q[t][draw.last] > 0) body += `<circle class="dot ring truth" cx="${dx + 16 + t * 32}" cy="${y - 4}" r="11"/>`; // prettier-ignore
      });
      body += label(dx + 150, y, NAMES[draw.last], "middle") + label(dx + 178, y, "→", "middle") + label(dx + 206, y, NAMES[draw.target], "middle strong"); // prettier-ignore
      if (draw.same) body += label(dx + 238, y, "✓", "middle strong");
    });
    // What followed, beside the law.
    const [left, top, wide, high] = at.tally;
    const p = panel({ left, top, width: wide, height: high, xlim: [-0.5, 2.5], ylim: [0, 1.1], xticks: [0, 1, 2], xnames: [...NAMES], yticks: [0, 0.5, 1] }); // prettier-ignore
    body += p.markup + label(left, top - 32, `${tidy(run.hits, 6)} of ${tidy(run.drawn, 6)} draws have this row`, "tick"); // prettier-ignore
    const other = `${law}` !== `${usual}`;
    law.forEach((share, n) => {
      const found = hits ? counts[n] / hits : 0;
      const chance = hits ? 1.96 * Math.sqrt((share * (1 - share)) / hits) : 0; // 19 of 20 times
      const [low, top] = [Math.max(0, share - chance), Math.min(1, share + chance)];
      const across = (/** @type {number} */ v, kind = "") => line(p, [n - 0.42, n + 0.42], [v, v], kind); // prettier-ignore
      body += box(p, n - 0.28, n + 0.28, 0, found, "v", 0.45);
      if (other) body += across(usual[n], "soft dashed");
      body += across(share, "theory");
      if (hits > 4) body += line(p, [n, n], [low, top], "theory thin");
      if (hits) body += label(p.x(n) + 8, p.y(Math.max(found, top)) - 5, counts[n], "tick halo");
    });
    const marks = [["v", at.wide ? "what followed" : "drawn", "area"], ["theory", at.wide ? "law, eq. 1" : "eq. 1"]]; // prettier-ignore
    if (other) marks.push(["soft dashed", "b c a b, a"]);
    return { height: at.height, body: body + key(left, top - 12, marks) };
  },

  words(run) {
    const { state, Q, task: made, law, usual, changed, counts, hits } = /** @type {Run} */ (run);
    if (!made) return "With this P not every token leads to every other, so μ is not unique: click a cell of P again."; // prettier-ignore
    const k = NAMES.indexOf(state.last);
    const seen = [0, 1, 2, 3].filter((t) => Q[t][k] > 0).map((t) => t + 1);
    const where = seen.length === 1 ? `position ${seen}` : seen.length === 4 ? "every position" : `positions ${seen.slice(0, -1).join(", ")} and ${seen[seen.length - 1]}`; // prettier-ignore
    const about = /** @type {Record<string, string>} */ ({
      bigram: " In a bigram every last token looks at position 4.",
      skip: " In a skip-gram every last token looks at position 2.",
      even: " With even weights the order of the row does not matter.",
    });
    let text = `After ${[...state.row].join(" ")} and then ${state.last}, which looks at ${where}, eq. 1 says ${law.map((v, n) => `${NAMES[n]} ${share(v)}`).join(", ")}.`; // prettier-ignore
    if (state.say === 0) text += " P says nothing, so that nothing in the row matters.";
    else if (state.last === TEXT.last && changed.length) {
      const what = `Position${changed.length > 1 ? "s" : ""} ${changed.map((t) => t + 1).join(", ")} changed`;
      if (changed.every((t) => Q[t][k] === 0))
        text += ` ${what}, without weight: the law is as before.`;
      else if (`${law}` !== `${usual}`) text += ` ${what}, and the law with it.`;
    } else if (about[state.look]) text += about[state.look];
    else if (state.last !== TEXT.last) text += " Another last token looks elsewhere.";
    if (!hits) return text;
    const shares = counts.map((count, n) => `${NAMES[n]} ${tidy(count / hits, 2)}`).join(", ");
    return `${text} ${tidy(hits, 6)} of ${tidy(run.drawn, 6)} draws had this row; then came ${shares}.`;
  },

  python({ state, Q, task: made, drawn }) {
    if (!made) return "";
    const rows = (/** @type {string} */ digits, /** @type {number} */ n) =>
      [...digits.slice(0, n)].map((_, t) => `[${[0, 1, 2].map((k) => digits[k * n + t]).join(", ")}]`).join(", "); // prettier-ignore
    const row = [...state.row].map((token) => NAMES.indexOf(token)).join(", ");
    const k = NAMES.indexOf(state.last);
    return [
      "import numpy as np",
      "",
      "import scbtools as scb",
      "",
      `P = np.array([${rows(state.follow, 3)}])`,
      `Q = np.array([${rows(digitsOf(state), LENGTH)}])`,
      "P, Q = P / P.sum(axis=0), Q / Q.sum(axis=0)",
      "mu = scb.SCBTask(P, Q).stationary",
      `task = scb.SCBTask(${state.say} * P + (1 - ${state.say}) * mu[:, None], Q)`,
      `row, last = [${row}], ${k}`,
      `law = sum(task.attention[t, last] * task.transition[:, row[t]] for t in range(${Q.length}))`,
      `steps = range(${Math.max(1, Math.ceil(drawn / BATCH))})`,
      `batches = [task.sample(${BATCH}, seed=${state.seed}, step=step) for step in steps]`,
      `tokens, ends, target = (np.concatenate(part)[:${drawn}] for part in zip(*batches))`,
      "same = (tokens == row).all(axis=1) & (ends == last)",
      "counts = np.bincount(target[same], minlength=3)",
      "print(*map(float, [*counts, *law, task.K_P, task.K_Q]))",
      "",
    ].join("\n");
  },

  data(run) {
    const { counts, law, hits, drawn, task: made } = run;
    const python = made ? [...counts, ...law, made.K_P, made.K_Q] : [];
    return { drawn, hits, counts, law, K_P: made && made.K_P, K_Q: made && made.K_Q, python };
  },

  parts({ state, Q, P }, width) {
    const at = layout(width);
    const next = (/** @type {string} */ token, /** @type {number} */ by) => NAMES[(NAMES.indexOf(token) + by + 3) % 3]; // prettier-ignore
    /** @param {number[][]} matrix @param {number[]} corner @param {(n: number, k: number) => string} name @param {string} digits @param {(digits: string) => any} change @returns {import("./core.mjs").Part[]} */
    const grid = (matrix, [left, top], name, digits, change) =>
      [0, 1, 2].flatMap((k) => matrix.map((row, n) => ({
        label: `${name(n, k)}: ${share(row[k])}`,
        at: [left + k * at.cell, top + n * at.cell, at.cell, at.cell],
        turned: (by) => change(turned(digits, k * matrix.length + n, matrix.length, by)),
      }))); // prettier-ignore
    const looks = grid(Q, at.Q, (n, k) => `Q, last token ${NAMES[k]}, position ${n + 1}`, digitsOf(state), (own) => ({ look: "own", own })); // prettier-ignore
    const says = grid(P, at.P, (n, k) => `P, ${NAMES[n]} after ${NAMES[k]}`, state.follow, (follow) => ({ follow })); // prettier-ignore
    /** @type {import("./core.mjs").Part[]} */
    const tokens = [...state.row, state.last].map((token, t) => ({
      label: `${t < LENGTH ? `position ${t + 1}` : "last token"}: ${token}`,
      at: [at.row[0] + places[t], at.row[1], BOX, BOX],
      turned: (by) => t < LENGTH ? { row: state.row.slice(0, t) + next(token, by) + state.row.slice(t + 1) } : { last: next(token, by) },
    })); // prettier-ignore
    return [...looks, ...tokens, ...says];
  },
};
