// Stage 1 twice on the same tokens: with the paper's projection, and with the centred one.

import { share, tail } from "./chance.mjs";
import { choice, slider, toggle } from "./core.mjs";
import { clipped, dots, key, label, line, panel, rings, rule, stems, tidy } from "./draw.mjs";
import { inPython, noise, rates, smallTask } from "./small.mjs";

const ETA = 0.1; // base rate
const END = 0.25; // of the larger signal: there a run stops
const STREAMS = 8; // of tokens, side by side
const ALL = 30 * STREAMS;
const FULL = 0.15; // the weight that fills its strip
const FAINT = 0.007; // less than is seen of a weight
const METHODS = ["paper", "centred"];

/** Steps after which a run stops in any case. @param {number} T */
const limit = (T) => Math.floor((5 * Math.log(T)) / ETA);

/** @param {number[]} ends */
const looking = (ends) => ends.filter((sum) => sum < 0).length;

/** Begin the next eight streams, each with both projections. @param {any} run */
function begin(run) {
  run.step = 0;
  run.streams.forEach((/** @type {any[]} */ pair, /** @type {number} */ i) => {
    for (const each of pair) {
      each.trainer.set({ seed: 1000 * run.state.seed + run.count + i });
      each.trainer.reset();
      Object.assign(each, { sum: 0, path: [1], over: false });
    }
  });
}

/** A column of A as a strip: up what is attended to, down what is looked away from. @param {any} each @param {any} at @param {number[]} where */
function strip(each, at, where) {
  const A = each.trainer.A[0];
  const p = panel({ ...at, xlim: [0.5, A.length + 0.5], ylim: [-FULL, FULL], xticks: [], yticks: [] }); // prettier-ignore
  const up = A.map((/** @type {number} */ a) => (a > FAINT ? a : 0));
  const down = A.map((/** @type {number} */ a) => (a < -FAINT ? a : 0));
  const held = where.map((t) => Math.max(-FULL, Math.min(FULL, A[t])));
  const mark = each.over && each.sum < 0 ? label(p.right + 5, p.y(0) + 4, "mirror", "small") : "";
  const tall = where.map((t, i) =>
    line(p, [t + 1, t + 1], [0, held[i]], A[t] < 0 ? "mirror" : "a"),
  );
  const bars = clipped(p, stems(p, up, "a") + stems(p, down, "mirror") + tall.join(""));
  return rule(p, { y: 0 }, "soft") + bars + rings(p, where.map((t) => t + 1), held, 2.5) + mark; // prettier-ignore
}

/** Per cent. @param {number} value */
const percent = (value) => `${(100 * value).toFixed(value < 0.0995 && value > 0 ? 1 : 0)} %`;

/** @type {import("./core.mjs").Figure} */
export const away = {
  name: "away",
  title: "Two projections on the same tokens",
  controls: [
    slider("T", "sequence length T", [20, 40, 100, 200, 400], 40),
    slider("r", "load r = B/(ηT)", [1, 2, 4, 8], 4),
    choice(
      "kind",
      "token shares μ",
      { skewed: "skewed: ½, ¼, ¼", random: "nearly even", even: "even" },
      "skewed",
    ),
    toggle("reflect", "reflect what looks mirrored"),
  ],
  extra: { seed: 0 },
  presets: [
    ["T = 40", {}],
    ["T = 400", { T: 400 }],
    ["T = 400, reflected", { T: 400, reflect: true }],
    ["T = 400, even", { T: 400, kind: "even", r: 1 }],
  ],
  bet: {
    question:
      "At T = 40 and B = 16, 6 % of these runs look away. Now T and B grow tenfold, so that B/(ηT) stays. How many look away?",
    options: ["as many: 6 %", "twice as many: 12 %", "five times as many: 29 %"],
    outcome({ state: { T, r, kind, reflect }, ends, count }) {
      if (kind !== "skewed" || T !== 400 || r !== 4 || reflect || count < ALL / 2) return -1;
      const found = looking(ends.paper) / count;
      return found < 0.09 ? 0 : found < 0.18 ? 1 : 2;
    },
  },
  still: { state: { T: 400 }, steps: 405 },

  start(state, scb) {
    const { T, r, kind } = state;
    const task = smallTask(scb, kind, T);
    const B = Math.round(r * ETA * T);
    const rule = { ...rates(task, ETA), batchSize: B, until: "max_signal", target: END };
    const { K_P, nu2, floor } = noise(task);
    const z = [floor, 0].map((part) => K_P * Math.sqrt((2 * r) / (nu2 + T * part)));
    const streams = Array.from({ length: STREAMS }, () =>
      METHODS.map((name) => ({ trainer: scb.trainer(task, { ...rule, centred: name === "centred" }) })),
    ); // prettier-ignore
    const run = {
      state, task, B, z, floor: (T * floor) / (nu2 + T * floor), head: 1 / (T * task.K_Q), streams,
      count: 0, ends: { paper: [], centred: [] }, turned: { paper: 0, centred: 0 }, longest: 0,
    }; // prettier-ignore
    begin(run);
    return run;
  },

  step(run, n) {
    for (let taken = 0; taken < n; taken++) {
      if (run.count === ALL) return taken;
      if (run.streams.flat().every((/** @type {any} */ each) => each.over)) begin(run);
      run.step++;
      for (const pair of run.streams)
        METHODS.forEach((name, i) => {
          const each = pair[i];
          if (each.over) return;
          const { status } = each.trainer.step(1);
          let { alpha_V, alpha_A } = each.trainer.signals();
          each.over = status !== "ran" || run.step === limit(run.state.T);
          each.path.push((alpha_V + alpha_A) / run.head + 1);
          if (each.over && run.state.reflect && each.trainer.looksMirrored()) {
            each.trainer.reflect();
            ({ alpha_V, alpha_A } = each.trainer.signals());
            each.path.push((alpha_V + alpha_A) / run.head + 1);
            run.turned[name]++;
          }
          each.sum = alpha_V + alpha_A;
        }); // prettier-ignore
      run.longest = Math.max(run.longest, run.step);
      if (!run.streams.flat().every((/** @type {any} */ each) => each.over)) continue;
      METHODS.forEach((name, i) => run.ends[name].push(...run.streams.map((/** @type {any[]} */ pair) => pair[i].sum))); // prettier-ignore
      run.count += STREAMS;
    }
    return n;
  },

  draw(run, width) {
    const wide = width >= 560;
    const high = wide ? 25 : 21;
    const where = run.task.positions[0];
    let body = "";
    let top = 24;
    ["the paper's projection", "centred: one line changed"].forEach((name, i) => {
      const left = wide && i ? width / 2 + 10 : 6;
      if (!wide && i) top += STREAMS * high + 30;
      const across = (wide ? width / 2 - 10 : width) - 54;
      body += label(left, top - 9, name, "start strong");
      run.streams.forEach((/** @type {any[]} */ pair, /** @type {number} */ row) => {
        const at = { left, top: top + row * high, width: across, height: high - 1 };
        body += strip(pair[i], at, where);
      });
    });
    top += STREAMS * high + 36;

    const end = Math.asinh(0.6 / run.head);
    const heights = [-100, -10, -1, 0, 1, 10, 100].filter((h) => Math.abs(Math.asinh(h)) < end);
    const each = wide ? (width - 168) / 3 : (width - 66) / 2;
    const tall = wide ? 130 : 120;
    METHODS.forEach((name, i) => {
      const p = panel({
        left: 42 + i * (each + 14), top, width: each, height: tall, xlim: [0, Math.max(45, run.longest)],
        ylim: [-end, end], xlabel: "step", ylabel: width > 690 ? `from the watershed: ${name}` : name,
        yticks: heights.map(Math.asinh), ynames: heights.map((h) => (i ? "" : tidy(h))),
      }); // prettier-ignore
      const paths = run.streams.map((/** @type {any[]} */ pair) => {
        const { path } = pair[i];
        return line(p, path.map((/** @type {number} */ _, /** @type {number} */ at) => at), path.map(Math.asinh), `thin ${path.at(-1) < 0 ? "mirror" : "good"}`); // prettier-ignore
      });
      body += p.markup + rule(p, { y: 0 }) + clipped(p, paths.join(""));
    });

    const left = wide ? 42 + 2 * each + 14 + 86 : 66;
    if (!wide) top += tall + 66;
    const odds = panel({
      left, top, width: wide ? each - 2 : width - left - 16, height: wide ? tall : 70, xlim: [-0.02, 0.5],
      ylim: [0.4, 2.6], xticks: [0, 0.25, 0.5], xnames: ["0", "25 %", "50 %"], yticks: [1, 2],
      ynames: ["centred", "paper"], ylabel: `look away, of ${run.count}`,
    }); // prettier-ignore
    body += odds.markup;
    METHODS.forEach((name, i) => {
      const law = Math.min(0.5, tail(run.z[i]));
      body += line(odds, [law, law], [1.62 - i, 2.38 - i], "theory");
      if (!run.count) return;
      const found = share(looking(run.ends[name]), run.count);
      body += line(odds, [found.low, Math.min(0.5, found.high)], [2 - i, 2 - i], "mirror");
      body += dots(odds, [Math.min(0.5, found.value)], [2 - i], "mirror", 5);
    });
    top = odds.bottom + 58;
    /** @type {[string, string, string?][]} */
    const names = [["truth", "attended", "ring"], ["a", "looked at", "area"], ["mirror", "looked away from", "area"], ["mirror", "counted", "dot"], ["theory", "Φ(−z)"]]; // prettier-ignore
    const rows = wide ? [names] : [names.slice(0, 2), names.slice(2, 3), names.slice(3)];
    rows.forEach((row, i) => (body += key(wide ? 42 : 20, top + 22 * i, row)));
    return { height: top + 22 * rows.length - 10, body };
  },

  words(run) {
    const { state, B, count, ends, turned, floor } = run;
    const { T, r, kind, reflect } = state;
    const setting = `T = ${T}, B = ${B}, r = ${r}: `;
    if (!count)
      return `${setting}step ${run.step} of eight streams. Left and right train on the same tokens.`;
    const [paper, centred] = [looking(ends.paper), looking(ends.centred)];
    const hand = run.z.map((/** @type {number} */ z) => percent(tail(z)));
    if (reflect)
      return `${setting}of ${count} runs each, ${turned.paper} and ${turned.centred} had outliers below 1/T and were turned round. ${paper + centred ? `${paper} and ${centred} still look away` : "None looks away now"}.`;
    const found = `${setting}of ${count} streams, ${paper} look away with the paper's projection (${percent(paper / count)}; by hand ${hand[0]}), ${centred} with the centred one (${percent(centred / count)}; by hand ${hand[1]}).`;
    if (kind === "even") return `${found} Even tokens: the two projections are the same.`;
    return `${found} Of the noise on the left, ${percent(floor)} is the floor.`;
  },

  event: (run) => (run.count === ALL ? away.words(run) : ""),

  python({ state, B, count }) {
    const { T, kind, reflect, seed } = state;
    const mend = `    if looks_mirrored(params.A):
        params = reflect(task, params)
`;
    return `from dataclasses import replace

import scbtools as scb
${reflect ? "from scbtools.updates import looks_mirrored, reflect\n" : ""}
task = scb.${inPython(kind, T)}
stage = scb.recipes.boost(task, ${limit(T)}, ${B}, ${ETA}, ${END})


def end(centred, seed):
    params = scb.train(task, replace(stage, centred=centred), seed=seed).params
${reflect ? mend : ""}    now = scb.signals(task, params)
    return now.alpha_V + now.alpha_A


seeds = range(${1000 * seed}, ${1000 * seed + count})
for centred in (False, True):
    ends = [end(centred, seed) for seed in seeds]
    print(*ends, sum(end < 0 for end in ends))  # how many look away
`;
  },

  data(run) {
    const { count, ends, z, turned } = run;
    return {
      count, ends, z, turned, B: run.B, step: run.step,
      law: z.map(tail), wrong: METHODS.map((name) => looking(ends[name])),
      columns: run.streams[0].map((/** @type {any} */ each) => [...each.trainer.A[0]]),
      python: METHODS.flatMap((name) => [...ends[name], looking(ends[name])]),
    }; // prettier-ignore
  },
};
