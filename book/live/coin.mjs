// Stage 1 as a coin toss: real runs, one after the other, each until its sign is settled.

import { share, tail } from "./chance.mjs";
import { choice, slider } from "./core.mjs";
import { box, dots, key, label, line, panel, px, rule, tidy } from "./draw.mjs";
import { inPython, noise, rates, smallTask } from "./small.mjs";

const TOSSES = 400;
const SETTLED = 10; // head starts of the larger signal at which a run is settled
const MOST = 1000; // steps of a run
const SHOWN = 150; // paths at once
const BATCHES = [2, 4, 8, 16, 32, 64, 128, 256];
const KINDS = { even: "even", random: "nearly even", skewed: "skewed: ½, ¼, ¼" };

/** z of the proposition. @param {any} sizes @param {number} T @param {number} B @param {number} eta */
const ratio = ({ K_P, nu2, floor }, T, B, eta) =>
  K_P * Math.sqrt((2 * B) / (eta * T) / (nu2 + T * floor));

/** Begin the next toss. @param {any} run */
function toss(run) {
  run.trainer.set({ seed: run.state.seed * 1000 + run.ends.length });
  run.trainer.reset();
  run.path = [1];
}

/** A path as thin as what is seen of it, over a curved scale. @param {any} view @param {number[]} path */
function trace(view, path) {
  const each = Math.ceil(path.length / 12);
  const kept = path.map((_, i) => i).filter((i) => i % each === 0 || i === path.length - 1);
  return kept
    .map((i, at) => `${at ? "L" : "M"}${view.x(i)} ${view.y(Math.asinh(path[i]))}`)
    .join("");
}

/** Per cent. @param {number} value */
const percent = (value) => `${(100 * value).toFixed(value < 0.0995 && value > 0 ? 1 : 0)} %`;

/** @type {import("./core.mjs").Figure} */
export const coin = {
  name: "coin",
  title: "Stage 1 as a coin toss",
  controls: [
    slider("T", "sequence length T", [100, 200, 400, 800], 200),
    slider("B", "batch size B", BATCHES, 16),
    slider("eta", "base rate η", [0.05, 0.1, 0.2], 0.1),
    choice("kind", "token shares μ", KINDS, "random"),
  ],
  extra: { seed: 0 },
  presets: [
    ["even", { kind: "even", T: 200, B: 8 }],
    ["even, T and B twice", { kind: "even", T: 400, B: 16 }],
    ["skewed", { kind: "skewed", T: 100, B: 32 }],
    ["skewed, T and B twice", { kind: "skewed", T: 200, B: 64 }],
  ],
  bet: {
    question:
      "One of three tokens is as frequent as the others together. T = 100 with B = 32 makes 17 % mirrors. Which B keeps them at 17 % when T = 200?",
    options: ["32: T does not matter", "64: twice as many", "128: four times as many"],
    outcome({ state, done, wrong }) {
      const at = [32, 64, 128].indexOf(state.B);
      if (state.kind !== "skewed" || state.T !== 200 || state.eta !== 0.1 || !done) return -1;
      // Half way between what twice (24 %) and four times as many samples give (16 %).
      if (wrong < 0.2 * TOSSES) return at;
      return at === 1 ? 2 : -1; // twice is too few
    },
  },
  still: { steps: 6000 },

  start(state, scb) {
    const { T, B, eta } = state;
    const task = smallTask(scb, state.kind, T);
    const target = SETTLED / (T * task.K_Q);
    const rule = { ...rates(task, eta), batchSize: B, until: "max_signal", target };
    const trainer = scb.trainer(task, rule);
    const sizes = noise(task);
    const run = {
      state, trainer, sizes, target, head: 1 / (T * task.K_Q), z: ratio(sizes, T, B, eta),
      ends: [], paths: [], wrong: 0, longest: 0, done: false, drawn: {},
    }; // prettier-ignore
    toss(run);
    return run;
  },

  step(run, n) {
    for (let i = 0; i < n; i++) {
      if (run.done) return i;
      const { status } = run.trainer.step(1);
      const { alpha_V, alpha_A } = run.trainer.signals();
      const distance = (alpha_V + alpha_A) / run.head + 1;
      run.path.push(distance);
      if (status === "ran" && run.trainer.steps < MOST) continue;
      run.ends.push(alpha_V + alpha_A);
      run.paths.push(run.path);
      run.longest = Math.max(run.longest, run.path.length - 1);
      if (distance < 0) run.wrong++;
      run.done = run.ends.length === TOSSES;
      if (!run.done) toss(run);
    }
    return n;
  },

  draw(run, width) {
    const { T, B, eta } = run.state;
    const wide = width >= 560;
    const height = wide ? 270 : 220;
    const heights = [-20, -5, -1, 0, 1, 5, 20];
    const span = Math.max(5 / eta, run.longest, run.path.length - 1);
    const end = Math.asinh(45); // room for two lines of text
    const fan = panel({
      left: 42, top: 30, width: wide ? width * 0.56 - 56 : width - 56, height, xlim: [0, span],
      ylim: [-end, end], xlabel: "step", ylabel: "head starts above the watershed",
      yticks: heights.map(Math.asinh), ynames: heights.map((h) => tidy(h)),
    }); // prettier-ignore
    // Paths of runs that have ended stay as they are, until the scale changes.
    const scale = `${width} ${span}`;
    if (run.drawn.scale !== scale) run.drawn = { scale, traces: [] };
    const { traces } = run.drawn;
    const shown = { good: "", mirror: "" };
    for (let i = Math.max(0, run.paths.length - SHOWN); i < run.paths.length; i++) {
      traces[i] = traces[i] || trace(fan, run.paths[i]);
      shown[run.paths[i].at(-1) < 0 ? "mirror" : "good"] += traces[i];
    }
    let body = fan.markup;
    for (const [kind, d] of Object.entries(shown))
      body += `<path class="line thin ${kind}" opacity="0.6" d="${d}"/>`;
    body += rule(fan, { y: 0 });
    const at = run.path.length - 1;
    if (!run.done) body += `<path class="line truth" d="${trace(fan, run.path)}"/>`;
    if (!run.done) body += dots(fan, [at], [Math.asinh(run.path[at])], "truth", 4);
    const [right, turned] = [run.ends.length - run.wrong, run.wrong === 1 ? "mirror" : "mirrors"];
    body += label(fan.left + 8, fan.top + 15, `${right} with the right sign`, "start halo");
    body += label(fan.left + 8, fan.bottom - 6, `${run.wrong} ${turned}`, "start halo");

    const left = wide ? px(width * 0.56) + 44 : 42;
    const top = wide ? 30 : height + 112;
    const odds = panel({
      left, top, width: width - left - 14, height, xlim: [1.6, 320], ylim: [0, 0.55], xlog: true,
      xticks: [2, 8, 32, 128], xlabel: "batch size B", ylabel: "share of mirrors",
      yticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5], ynames: ["0", "10 %", "20 %", "30 %", "40 %", "50 %"],
    }); // prettier-ignore
    const grid = Array.from({ length: 50 }, (_, i) => 1.6 * 200 ** (i / 49));
    const law = (/** @type {number} */ length) =>
      grid.map((b) => tail(ratio(run.sizes, length, b, eta)));
    body += odds.markup + line(odds, grid, law(T / 2), "sgd dashed");
    body += line(odds, grid, law(T), "theory");
    const { low, high, value } = share(run.wrong, run.ends.length);
    if (run.ends.length) {
      body += line(odds, [B, B], [low, Math.min(high, 0.55)], "mirror");
      body += dots(odds, [B], [Math.min(value, 0.55)], "mirror", 6);
    } else body += box(odds, B / 1.04, B * 1.04, 0, 0.55, "mirror", 0.25);
    body += key(left + 4, top + height + 56, [["theory", "Φ(−z)"], ["sgd dashed", "at T/2"], ["mirror", "tossed", "dot"]]); // prettier-ignore
    return { height: top + height + 68, body };
  },

  words(run) {
    const { T, B, eta, kind } = run.state;
    const count = run.ends.length;
    const found = share(run.wrong, count);
    const law = tail(run.z);
    const setting = `T = ${T}, B = ${B}: `;
    if (!count)
      return `${setting}the first toss of ${TOSSES}. Φ(−z) foresees ${percent(law)} mirrors, z = ${tidy(run.z, 2)}.`;
    const tally = `${run.wrong} of ${count} runs are mirrors, ${percent(found.value)} (${percent(found.low)} to ${percent(found.high)})`;
    if (!run.done) return `${setting}${tally} so far; Φ(−z) foresees ${percent(law)}.`;
    const r = B / (eta * T);
    const fits = law >= found.low && law <= found.high;
    const judged = `${fits ? ", as Φ(−z) foresees:" : "; Φ(−z) foresees"} ${percent(law)}.`;
    const { nu2, floor } = run.sizes;
    const part = (T * floor) / (nu2 + T * floor);
    let why = ` Of the noise that decides, ${percent(part)} is in Tν₀².`;
    if (kind === "even") why = " ν₀ = 0 here: only B/(ηT) counts.";
    if (!fits && found.value > law && r < 1)
      why = ` B/(ηT) = ${tidy(r, 2)} is small: noise also feeds on noise, which a first order leaves out.`;
    return setting + tally + judged + why;
  },

  event: (run) => (run.done ? coin.words(run) : ""),

  python(run) {
    const { T, B, eta, kind, seed } = run.state;
    return `import scbtools as scb

task = scb.${inPython(kind, T)}
head_start = 1 / (task.seq_len * task.K_Q)
settled = ${SETTLED} / (task.seq_len * task.K_Q)
toss = scb.recipes.boost(task, ${MOST}, ${B}, ${eta}, settled)
ends = []
for seed in range(${seed * 1000}, ${seed * 1000 + run.ends.length}):
    run = scb.train(task, toss, seed=seed, record_every=${MOST})
    now = scb.signals(task, run.params)
    ends.append(now.alpha_V + now.alpha_A)
print(*ends, sum(end < -head_start for end in ends))
`;
  },

  data(run) {
    const { value, low, high } = share(run.wrong, run.ends.length);
    const { nu2, floor } = run.sizes;
    const { ends, wrong, z, done } = run;
    const tally = { tosses: ends.length, wrong, share: value, low, high };
    return { ...tally, law: tail(z), z, nu2, floor, done, python: [...ends, wrong] };
  },
};
