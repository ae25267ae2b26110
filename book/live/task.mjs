// The reader's own task: where to look (Q), what follows (P), a row of tokens and the last one;
// sequences are drawn, and what followed this very row is counted beside the law of eq. 1.

import { choice, range, slider } from "./core.mjs";
import { box, key, label, line, panel, px, tidy } from "./draw.mjs";

const NAMES = "abc";
const LENGTH = 4; // T
const BATCH = 100; // draws of one step of the token stream
const MOST = 200000; // draws, after which a run ends
const PARTS = { text: "101000010130", bigram: "000100010001", skip: "010001000100", even: "111111111111" };
const TEXT = { row: "bcab", last: "a" }; // the example of the text
const ROWS = Array.from({ length: 81 }, (_, i) => [27, 9, 3, 1].map((d) => NAMES[Math.floor(i / d) % 3]).join(""));

/** A matrix whose columns are digits over their sum. @param {string} digits @param {number} rows */
function columns(digits, rows) {
  const parts = [0, 1, 2].map((k) => [...digits.slice(k * rows, (k + 1) * rows)].map(Number));
  const sums = parts.map((column) => column.reduce((x, y) => x + y));
  return Array.from({ length: rows }, (_, t) => parts.map((column, k) => column[t] / sums[k]));
}

/** Give a digit its next value, 0 to 3, unless its column would be empty. @param {string} digits @param {number} at @param {number} rows */
function turned(digits, at, rows) {
  const first = at - (at % rows);
  let next = (Number(digits[at]) + 1) % 4;
  const others = digits.slice(first, at) + digits.slice(at + 1, first + rows);
  if (!next && !/[1-9]/.test(others)) next = 1;
  return digits.slice(0, at) + next + digits.slice(at + 1);
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
const digitsOf = (state) => (state.look === "own" ? state.own : PARTS[/** @type {"text"} */ (state.look)]);

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

/** @param {number[][]} matrix @param {number[]} at @param {number} cell @param {string} kind @param {number[]} lit */
function cells(matrix, [left, top], cell, kind, lit) {
  let body = "";
  matrix.forEach((row, n) =>
    row.forEach((v, k) => {
      const [x, y] = [px(left + k * cell), px(top + n * cell)];
      const at = `x="${x}" y="${y}" width="${px(cell)}" height="${px(cell)}"`;
      if (v > 0) body += `<rect class="area ${kind}" ${at} fill-opacity="${px(v * 5) / 10}"/>`;
      body += `<rect class="frame" ${at}/>` + label(x + cell / 2, y + cell / 2 + 4, share(v), "tick middle");
    }),
  );
  for (const k of lit)
    body += `<rect class="line ${kind}" x="${px(left + k * cell)}" y="${px(top)}" width="${px(cell)}" height="${px(cell * matrix.length)}"/>`;
  for (let k = 0; k < 3; k++) body += label(left + (k + 0.5) * cell, top - 7, NAMES[k], lit.includes(k) ? "middle strong" : "middle"); // prettier-ignore
  return body;
}

/** @type {import("./core.mjs").Figure} */
export const task = {
  name: "task",
  title: "Your own task",
  controls: [
    choice("row", "the row", Object.fromEntries(ROWS.map((row) => [row, [...row].join(" ")])), TEXT.row),
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
      state.look === "text" && state.say > 0 && law && state.last === TEXT.last && changed.join() === "1" && `${law}` === `${usual}` ? 1 : -1, // prettier-ignore
  },
  still: { steps: 100000 },

  start(state, scb) {
    const Q = columns(digitsOf(state), LENGTH);
    let P = columns(state.follow, 3);
    const run = { state, P, Q, counts: [0, 0, 0], hits: 0, drawn: 0, latest: [], task: null };
    /** @type {any} */ (run).changed = [0, 1, 2, 3].filter((t) => state.row[t] !== TEXT.row[t]);
    try {
      const mu = scb.task({ transition: P, attention: Q }).stationary;
      P = run.P = P.map((p, n) => p.map((v) => state.say * v + (1 - state.say) * mu[n]));
      const made = scb.task({ transition: P, attention: Q });
      const law = lawOf(P, Q, state.row, state.last);
      return Object.assign(run, { task: made, law, usual: lawOf(P, Q, TEXT.row, TEXT.last) });
    } catch {
      return run; // with this P mu is not unique, and words() says so
    }
  },

  step(run, n) {
    const { state } = run;
    if (!run.task) return 0;
    const row = [...state.row].map((token) => NAMES.indexOf(token));
    const last = NAMES.indexOf(state.last);
    for (let i = 0; i < n; i++) {
      if (run.drawn >= MOST) return i;
      const at = run.drawn++ % BATCH;
      if (at === 0) run.batch = run.task.sample(BATCH, { seed: state.seed, step: (run.drawn - 1) / BATCH });
      const tokens = run.batch.tokens[at];
      const same = run.batch.last[at] === last && row.every((token, t) => token === tokens[t]);
      if (same) run.counts[run.batch.target[at]] += 1;
      if (same) run.hits++;
      if (i < n - 4) continue;
      run.latest.unshift({ tokens: [...tokens], last: run.batch.last[at], target: run.batch.target[at], same });
      run.latest.length = Math.min(run.latest.length, 4);
    }
    return n;
  },

  draw(run, width) {
    const { state, P, Q } = run;
    const at = (run.layout = layout(width));
    const k = NAMES.indexOf(state.last);
    const { cell } = at;
    const weights = [0, 1, 2].map((m) => Q.reduce((/** @type {number} */ sum, /** @type {number[]} */ q, /** @type {number} */ t) => sum + (NAMES[m] === state.row[t] ? q[k] : 0), 0)); // prettier-ignore
    let body = cells(Q, at.Q, cell, "a", [k]) + label(at.Q[0], at.Q[1] - 28, at.wide ? "Q: where to look" : "Q: where", "strong");
    for (let t = 0; t < LENGTH; t++) body += label(at.Q[0] - 7, at.Q[1] + (t + 0.5) * cell + 4, t + 1, "tick end"); // prettier-ignore
    body += cells(P, at.P, cell, "v", [0, 1, 2].filter((m) => weights[m] > 0));
    body += label(at.P[0] + 3 * cell, at.P[1] - 28, at.wide ? "P: what follows" : "P: what", "strong end");
    for (let n = 0; n < 3; n++) body += label(at.P[0] - 7, at.P[1] + (n + 0.5) * cell + 4, NAMES[n], "tick end");
    weights.forEach((w, m) => (body += label(at.P[0] + (m + 0.5) * cell, at.P[1] + 3 * cell + 16, share(w), "tick middle"))); // prettier-ignore
    body += label(at.P[0] - 7, at.P[1] + 3 * cell + 16, "×", "tick end");
    const size = (/** @type {string} */ of, /** @type {number} */ v, /** @type {number} */ x, /** @type {number} */ y) =>
      `<text x="${px(x)}" y="${px(y)}" class="tick">K<tspan dy="3" class="small">${of}</tspan><tspan dy="-3"> = ${tidy(v)}</tspan></text>`; // prettier-ignore
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
    body += label((middle[0] + middle[4]) / 2, y0 + 78, "click a token or a cell to change it", "tick middle");
    // The latest draws.
    const [dx, dy] = at.draws;
    body += label(dx, dy - 2, "drawn last: row, last token → next", "tick");
    run.latest.forEach((/** @type {any} */ draw, /** @type {number} */ i) => {
      const y = dy + 24 + i * 34;
      if (draw.same) body += `<rect class="area good" x="${dx - 4}" y="${y - 19}" width="252" height="28" rx="4" fill-opacity="0.25"/>`;
      draw.tokens.forEach((/** @type {number} */ token, /** @type {number} */ t) => {
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
    if (!run.law) return { height: at.height, body };
    const other = `${run.law}` !== `${run.usual}`;
    run.law.forEach((/** @type {number} */ law, /** @type {number} */ n) => {
      const found = run.hits ? run.counts[n] / run.hits : 0;
      const chance = run.hits ? 1.96 * Math.sqrt((law * (1 - law)) / run.hits) : 0; // 19 of 20 times
      const top = Math.min(1, Math.max(found, law + chance));
      const across = (/** @type {number} */ v, /** @type {string} */ kind) => line(p, [n - 0.42, n + 0.42], [v, v], kind); // prettier-ignore
      body += box(p, n - 0.28, n + 0.28, 0, found, "v", 0.45);
      if (other) body += across(run.usual[n], "soft dashed");
      body += across(law, "theory");
      if (run.hits > 4) body += line(p, [n, n], [Math.max(0, law - chance), Math.min(1, law + chance)], "theory thin"); // prettier-ignore
      if (run.hits) body += label(p.x(n) + 8, p.y(top) - 5, run.counts[n], "tick halo");
    });
    const marks = /** @type {[string, string, string?][]} */ ([["v", at.wide ? "what followed" : "drawn", "area"], ["theory", at.wide ? "law, eq. 1" : "eq. 1"]]); // prettier-ignore
    if (other) marks.push(["soft dashed", "b c a b, a"]);
    return { height: at.height, body: body + key(left, top - 12, marks) };
  },

  words(run) {
    const { state, Q, law, usual, changed } = run;
    if (!law) return "With this P not every token leads to every other, so μ is not unique: click a cell of P again."; // prettier-ignore
    const k = NAMES.indexOf(state.last);
    const seen = [0, 1, 2, 3].filter((t) => Q[t][k] > 0).map((t) => t + 1);
    const where = seen.length === 1 ? `position ${seen}` : seen.length === 4 ? "every position" : `positions ${seen.slice(0, -1).join(", ")} and ${seen[seen.length - 1]}`; // prettier-ignore
    const list = (/** @type {number[]} */ values) => values.map((v, n) => `${NAMES[n]} ${share(v)}`).join(", ");
    const about = /** @type {Record<string, string>} */ ({
      bigram: " In a bigram every last token looks at position 4.",
      skip: " In a skip-gram every last token looks at position 2.",
      even: " With even weights the order of the row does not matter.",
    });
    let text = `After ${[...state.row].join(" ")} and then ${state.last}, which looks at ${where}, eq. 1 says ${list(law)}.`; // prettier-ignore
    if (state.say === 0) text += " P says nothing, so that nothing in the row matters.";
    else if (state.last === TEXT.last && changed.length) {
      const idle = changed.every((/** @type {number} */ t) => Q[t][k] === 0);
      const what = changed.length === 1 ? `Position ${changed[0] + 1}` : "What";
      if (idle) text += ` ${what} has changed, and has no weight: the law is as before.`;
      else if (`${law}` !== `${usual}`) text += ` ${what} has changed, and the law with it.`;
    } else text += about[state.look] || (state.last === TEXT.last ? "" : " Another last token looks elsewhere.");
    if (!run.hits) return text;
    return `${text} In ${tidy(run.hits, 6)} of ${tidy(run.drawn, 6)} draws with this row the shares are ${run.counts.map((/** @type {number} */ c, /** @type {number} */ n) => `${NAMES[n]} ${tidy(c / run.hits, 2)}`).join(", ")}.`; // prettier-ignore
  },

  python({ state, Q, task: made, drawn }) {
    if (!made) return "";
    const rows = (/** @type {string} */ digits, /** @type {number} */ n) =>
      Array.from({ length: n }, (_, t) => `[${[0, 1, 2].map((k) => digits[k * n + t]).join(", ")}]`).join(", ");
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
    const { counts, law = [], hits, drawn, task: made } = run;
    const python = made ? [...counts, ...law, made.K_P, made.K_Q] : [];
    return { drawn, hits, counts, law, K_P: made && made.K_P, K_Q: made && made.K_Q, python };
  },

  touch(run, x, y, down) {
    if (!down || !run.layout) return undefined;
    const { Q, P, row, cell } = run.layout;
    const { state } = run;
    const hit = (/** @type {number[]} */ [left, top], /** @type {number} */ rows) => {
      const [k, n] = [Math.floor((x - left) / cell), Math.floor((y - top) / cell)];
      return k >= 0 && k < 3 && n >= 0 && n < rows ? k * rows + n : -1;
    };
    const next = (/** @type {string} */ token) => NAMES[(NAMES.indexOf(token) + 1) % 3];
    const inQ = hit(Q, LENGTH);
    if (inQ >= 0) return { look: "own", own: turned(digitsOf(state), inQ, LENGTH) };
    const inP = hit(P, 3);
    if (inP >= 0) return { follow: turned(state.follow, inP, 3) };
    const t = places.findIndex((left) => x >= row[0] + left && x < row[0] + left + BOX);
    if (t < 0 || y < row[1] || y > row[1] + BOX) return undefined;
    if (t === LENGTH) return { last: next(state.last) };
    return { row: state.row.slice(0, t) + next(state.row[t]) + state.row.slice(t + 1) };
  },
};
