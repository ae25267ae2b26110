// The plane of the two signals under eq. 8: drag the start, see where it goes.

import { choice, slider, toggle } from "./core.mjs";
import { clipped, dots, held, label, line, panel, px, rings, tidy } from "./draw.mjs";
import { between, examplePython, exampleTask } from "./example.mjs";
import { rates } from "./small.mjs";

const REACH = 1.6; // of the plane that is seen
const NEAR = 0.01; // of the truth: there
const MOST = 200000; // steps
const SIDE = Array.from({ length: 13 }, (_, i) => i / 4 - 1.5); // of the square of starts
const SQUARE = SIDE.flatMap((a) => SIDE.map((v) => [v, a]));
const FAN = 8; // of them are drawn against the step
const kept = { key: "", map: "" }; // drawn once for many frames

/** eq. 8 with 1 / (T K_Q), in the library's order of operations. @param {number} v @param {number} a @param {any} run */
function follow(v, a, { eta, K_Q, T }) {
  const miss = 1 - a * v;
  return [v + eta * miss * a + ((eta / K_Q) * (1 - v)) / T, a + eta * miss * v];
}

/** The path from a point, thinned out, and where it meets the curve of product one. @param {number} v @param {number} a @param {any} run @param {number} more between points kept, as a share of the step */
function course(v, a, run, more) {
  const { eta, K_Q, T } = run;
  const path = { steps: [0], vs: [v], as: [a] };
  /** @type {{step: number, v: number, a: number} | undefined} */
  let landed;
  let next = 1;
  let step = 0;
  const there = () => landed && Math.max(Math.abs(v - 1), Math.abs(a - 1)) < NEAR;
  while (step < run.last && !there() && a > -1.2 * REACH) {
    const miss = 1 - a * v; // as in follow(); written out, this takes a tenth of the time
    const pulled = a + eta * miss * v;
    v = v + eta * miss * a + ((eta / K_Q) * (1 - v)) / T;
    a = pulled;
    step++;
    if (!landed && Math.abs(1 - v * a) < 1e-3) landed = { step, v, a };
    if (step < next && step < run.last && !there()) continue;
    next = Math.max(step + 1, step * more);
    path.steps.push(step);
    path.vs.push(v);
    path.as.push(a);
  }
  return { ...path, landed, step, v, a };
}

/** Whether a start ends at the truth. @param {number} v @param {number} a @param {any} run */
function rises(v, a, run) {
  // Beyond the saddle, up and to the right or down and to the left, there is no way back.
  const { eta, gamma } = run;
  for (let left = 20 / eta; left > 0 && v > 0 === a < -gamma; left--) {
    const miss = 1 - a * v;
    const pulled = a + eta * miss * v;
    v += eta * (miss * a + gamma * (1 - v));
    a = pulled;
  }
  return v > 0;
}

/** Points between which starts part. @param {any} run @param {number} reach */
function watershed(run, reach) {
  const xs = Array.from({ length: 41 }, (_, i) => (i / 20 - 1) * reach);
  const ys = xs.map((x) => {
    let [low, high] = [-x - 4 * run.gamma, -x + 4 * run.gamma];
    for (let halving = 0; halving < 14; halving++) {
      const middle = (low + high) / 2;
      if (rises(x, middle, run)) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  });
  return [xs, ys];
}

/** Small arrows along the flow, and the curves. @param {any} plane @param {any} run @param {number} reach */
function map(plane, run, reach) {
  const half = plane.right - plane.left < 260 ? 4 : 6;
  const whole = { ...run, eta: 1 };
  let d = "";
  for (let i = 0; i <= 2 * half; i++)
    for (let j = 0; j <= 2 * half; j++) {
      const [v, a] = [i, j].map((at) => ((at - half) / (half + 0.5)) * reach);
      const [x, y] = follow(v, a, whole);
      const size = Math.hypot(x - v, y - a) / reach;
      if (size < 1e-3) continue;
      const long = 5 + 9 * Math.min(1, size); // pixels
      const [c, s] = [(x - v) / size / reach, (a - y) / size / reach];
      d += `M${px(plane.x(v) - (c * long) / 2)} ${px(plane.y(a) - (s * long) / 2)}l${px(c * long)} ${px(s * long)}`;
      d += `l${px(-4 * c - 2 * s)} ${px(-4 * s + 2 * c)}m${px(4 * s)} ${px(-4 * c)}L${px(plane.x(v) + (c * long) / 2)} ${px(plane.y(a) + (s * long) / 2)}`;
    }
  const curve = Array.from({ length: 60 }, (_, i) => (1 / REACH) * REACH ** ((2 * i) / 59));
  const branch = (/** @type {number} */ sign) => line(plane, curve.map((x) => sign * x), curve.map((x) => sign / x), "theory dashed thin"); // prettier-ignore
  const [xs, ys] = watershed(run, reach);
  return `<path class="line soft thin" style="opacity:0.6" d="${d}"/>${branch(1)}${branch(-1)}${line(plane, xs, ys, "bad")}`;
}

/** The points of a course until a step. @param {any} path @param {number} until */
function upTo({ steps, vs, as }, until) {
  const after = steps.findIndex((/** @type {number} */ step) => step > until);
  return [steps, vs, as].map((each) => (after < 0 ? each : each.slice(0, after)));
}

/** How far the starts on the truth's side are from the curve, and their signals from each other. @param {any} run */
function worst(run) {
  let [product, apart] = [0, 0];
  run.points.forEach((/** @type {number[]} */ [v, a], /** @type {number} */ i) => {
    if (!run.up[i]) return;
    product = Math.max(product, Math.abs(1 - v * a));
    apart = Math.max(apart, Math.abs(v - a));
  });
  return { product, apart };
}

/** On which side of the watershed a run is; noise may carry it over. @param {any} run */
function good(run) {
  return run.trainer ? run.v + run.a > -run.gamma : rises(run.state.v, run.state.a, run);
}

/** The start at a point of the plane. @param {any} run @param {number[]} at */
function from({ plane: { reach } }, at) {
  const [v, a] = at.map((x) => Number(held(x, [-reach, reach]).toPrecision(3)) || 0);
  return { v, a, all: false };
}

/** Which of the square's starts rise, and the courses of some of these. @param {any} run */
function crowd(run) {
  const up = SQUARE.map(([v, a]) => rises(v, a, run));
  const above = SQUARE.filter((_, i) => up[i]);
  const some = above.filter((_, i) => i % Math.floor(above.length / FAN) === 3);
  return { up, fan: some.map(([v, a]) => course(v, a, run, 1.1)) };
}

/** @type {import("./core.mjs").Figure} */
export const portrait = {
  name: "portrait",
  title: "The plane of the two signals",
  controls: [
    slider("T", "sequence length T", [10, 20, 50, 100, 200, 500, 1000, 2000], 200),
    slider("eta", "base rate η", [0.005, 0.01, 0.02, 0.05, 0.1, 0.2], 0.02),
    choice("B", "gradient", { 0: "expected, no noise", 256: "of batches of 256", 64: "of batches of 64", 16: "of batches of 16", 4: "of batches of 4" }, "0"),
    toggle("zoom", "zoom in on the start"),
  ], // prettier-ignore
  extra: { v: 0, a: 0, all: true, seed: 0 },
  presets: [
    ["Many starts", {}],
    ["From (0, 0)", { all: false }],
    ["From (1, 0)", { v: 1, all: false }],
    ["Watershed", { v: -0.8, a: 0.78, all: false }],
    ["Batches of 4", { B: "4", all: false }],
  ],
  bet: {
    question: "V is known, A is not: a run starts at (1, 0). Where does it reach the dashed curve?",
    options: ["at (1, 1)", "where V is larger", "where A is larger"],
    outcome: ({ state, path: { landed }, steps }) => (state.v !== 1 || state.a !== 0 || !landed || steps < landed.step ? -1 : Math.abs(landed.v - landed.a) < 0.02 ? 0 : landed.v > landed.a ? 1 : 2),
  }, // prettier-ignore
  still: { steps: 1000 },

  start(state, scb) {
    const { T, eta, v, a } = state;
    const K_Q = 1 / 2 - 1 / T;
    const batch = Number(state.B);
    const gamma = 1 / (T * K_Q);
    const stage = (2 * Math.log(1 + 2 / gamma)) / eta;
    const last = Math.ceil(batch ? stage : Math.min(MOST, 10 / gamma / eta));
    const base = { state, scb, T, eta, K_Q, gamma, last, v, a, steps: 0, over: false };
    const points = state.all && !batch ? SQUARE : [];
    const { up, fan } = points.length ? crowd(base) : { up: [], fan: [] };
    const run = { ...base, points, up, fan, path: course(v, a, base, 1.02) }; // prettier-ignore
    if (!batch) return run;
    const task = exampleTask(scb, T);
    const rule = { seed: state.seed, batchSize: batch, ...rates(task, eta) };
    const trainer = scb.trainer(task, rule);
    trainer.reset(between(task, v, a));
    return { ...run, trainer, path: { steps: [0], vs: [v], as: [a] } };
  },

  step(run, n) {
    const { path, trainer, eta, K_Q, T } = run;
    for (let i = 0; i < n; i++) {
      if (run.over) return i;
      run.steps++;
      if (trainer) {
        trainer.step(1);
        const { alpha_V, alpha_A } = trainer.signals();
        [run.v, run.a] = [alpha_V, alpha_A];
        path.steps.push(run.steps);
        path.vs.push(run.v);
        path.as.push(run.a);
      } else [run.v, run.a] = run.scb.signalStep(run.v, run.a, eta, K_Q, T);
      run.points = run.points.map((/** @type {number[]} */ [v, a]) => follow(v, a, run));
      const alone = !run.points.length && !trainer;
      run.over = run.steps >= (alone ? path.step : run.last);
    }
    return n;
  },

  draw(run, width) {
    const wide = width >= 560;
    const side = wide ? 310 : Math.min(width - 60, 320);
    const reach = run.state.zoom ? 3 * run.gamma : REACH;
    const some = run.state.zoom ? {} : { xticks: [-1, 0, 1], yticks: [-1, 0, 1] };
    const plane = panel({ left: 46, top: 24, width: side, height: side, xlim: [-reach, reach], ylim: [-reach, reach], xlabel: "α of V", ylabel: "α of A", grid: false, ...some }); // prettier-ignore
    run.plane = { left: 46, top: 24, side, reach };
    const key = `${side} ${reach} ${run.T} ${run.eta}`;
    if (kept.key !== key) Object.assign(kept, { key, map: map(plane, run, reach) });
    const [steps, vs, as] = upTo(run.path, run.steps);
    const kind = good(run) ? "good" : "mirror";
    let inner = kept.map;
    const marks = ["", ""]; // one path a side: a hundred elements would be slow
    run.points.forEach((/** @type {number[]} */ [v, a], /** @type {number} */ i) => {
      marks[Number(run.up[i])] += run.up[i] ? `M${plane.x(v)} ${plane.y(a)}h0` : `M${px(plane.x(v) - 2.5)} ${plane.y(a)}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0`; // prettier-ignore
    });
    inner += `<path class="line mirror" style="stroke-width:1.4" d="${marks[0]}"/><path class="line good" style="stroke-linecap:round;stroke-width:5.5" d="${marks[1]}"/>`; // prettier-ignore
    if (!run.points.length) inner += line(plane, run.path.vs, run.path.as, `${kind} thin`);
    inner += line(plane, [...vs, run.v], [...as, run.a], kind);
    inner += rings(plane, [1, -1], [1, -1], 6) + rings(plane, [0], [-run.gamma], 4, "bad");
    inner += dots(plane, [run.state.v], [run.state.a], "truth", 4);
    inner += dots(plane, [run.v], [run.a], kind, 5.5);
    /** @type {[number, number, string][]} */
    const names = run.state.zoom ? [[0, -run.gamma, "saddle"]] : [[1, 1, "truth"], [-1, -1, "mirror"], [-1.1, 1.1, "watershed"]]; // prettier-ignore
    for (const [v, a, text] of names)
      inner += label(plane.x(v) + 10, plane.y(a) + (a > 0 ? -7 : 14), text, "small halo start");
    let body = plane.markup + clipped(plane, inner);
    const left = wide ? side + 116 : 46;
    const top = wide ? 24 : side + 106;
    const tall = wide ? side / 2 - 25 : 110;
    const apart = run.state.zoom ? 4 * run.gamma : 2.2;
    /** @type {[number, string, (v: number, a: number) => number, [number, number]][]} */
    const panels = [
      [top, "product α of V · α of A", (v, a) => v * a, [-1.3, 2.3]],
      [top + tall + 50, "difference α of V − α of A", (v, a) => v - a, [-apart, apart]],
    ];
    for (const [at, text, value, ylim] of panels) {
      const p = panel({ left, top: at, width: width - left - 16, height: tall, xlim: [1, run.last], ylim, xlog: true, ylabel: text, xlabel: at > top ? "step" : "" }); // prettier-ignore
      const curve = (/** @type {number[][]} */ [ns, xs, ys], /** @type {string} */ look) => line(p, ns.slice(1), ns.map((_, i) => value(xs[i], ys[i])).slice(1), look); // prettier-ignore
      const fan = run.fan.map((/** @type {any} */ each) => curve(upTo(each, run.steps), "soft thin")); // prettier-ignore
      body += p.markup + clipped(p, fan.join("") + curve([steps, vs, as], kind));
    }
    return { height: wide ? side + 68 : top + 2 * tall + 50 + 44, body };
  },

  words(run) {
    const { v, a, eta, gamma, steps, path, trainer, points } = run;
    const now = `Step ${tidy(steps)}: (${tidy(v, 2)}, ${tidy(a, 2)}).`;
    if (trainer) {
      const side = good(run) ? "the truth's" : "the mirror's";
      return `${now} It is on ${side} side of the watershed. Each batch of ${run.state.B} pushes it about: New seed brings other batches.`;
    }
    if (points.length) {
      const { product, apart } = worst(run);
      const regime = product > 0.05 ? "" : apart > 0.1 ? " The product has settled, the difference has not." : " Both have settled."; // prettier-ignore
      return `Step ${tidy(steps)}: of the starts on the truth's side, the product is at most ${tidy(product, 2)} from one, the signals at most ${tidy(apart, 2)} apart.${regime}`;
    }
    const landed = path.landed && path.landed.step <= steps ? path.landed : undefined;
    const met = landed && `at step ${tidy(landed.step)}, at (${tidy(landed.v)}, ${tidy(landed.a)})`;
    if (!good(run))
      return v < 0 && a < 0 && v * a > 0.8 ? `${now} It is on the mirror's branch: both signals are negative, and nothing brings them back.` : `${now} It is below the watershed, so it goes to the mirror.`; // prettier-ignore
    if (landed && run.over && steps < run.last) return `It is at the truth after ${tidy(steps)} steps${landed.step < steps ? `; it met the dashed curve ${met}` : ""}.`; // prettier-ignore
    if (landed) return `${now} It met the dashed curve ${met}. The product is one; the difference loses the share ${tidy((eta * gamma) / 2, 2)} a step.`; // prettier-ignore
    const linear = steps && Math.abs(v * a) < 0.1 && Math.abs(v + a) < 0.6 && v * a >= 0;
    return linear ? `${now} So near the start the sum grows by ${tidy(100 * eta)} % a step, and the difference does not.` : `${now} It is above the watershed, so it goes to the truth.`; // prettier-ignore
  },

  python(run) {
    const { T, eta, B, v, a } = run.state;
    const many = run.points.length > 0;
    if (run.trainer)
      return `${examplePython(T, v, a)}
stage = scb.recipes.boost(task, steps=${run.steps}, batch_size=${B}, eta=${eta})
run = scb.train(task, stage, params, seed=${run.state.seed})
now = scb.signals(task, run.params)
print(float(now.alpha_V), float(now.alpha_A))
`;
    const starts = `import numpy as np

side = np.linspace(-1.5, 1.5, 13)
v, a = (each.ravel() for each in np.meshgrid(side, side))
`;
    return `from scbtools.population import signal_step
${many ? starts : `\nv, a = ${v}, ${a}\n`}
for step in range(${run.steps}):
    v, a = signal_step(v, a, eta=${eta}, K_Q=1 / 2 - 1 / ${T}, seq_len=${T})
print(${many ? "*map(float, [*v, *a])" : "float(v), float(a)"})
`;
  },

  data(run) {
    const { steps, v, a, points, path } = run;
    const many = points.length > 0;
    const landed = path.landed && path.landed.step <= steps ? path.landed : null;
    const python = many ? [0, 1].flatMap((i) => points.map((/** @type {number[]} */ p) => p[i])) : [v, a]; // prettier-ignore
    return { steps, alpha_V: v, alpha_A: a, landed, ...(many ? worst(run) : {}), python };
  },

  touch(run, x, y) {
    const { left, top, side, reach } = run.plane;
    const at = [((x - left) / side) * 2 - 1, 1 - ((y - top) / side) * 2];
    if (Math.max(...at.map(Math.abs)) > 1) return undefined;
    return from(run, at.map((share) => Math.round(share * 160) * (reach / 160)));
  }, // prettier-ignore

  nudge: (run, dx, dy) => from(run, [run.state.v + (dx * run.plane.reach) / 80, run.state.a + (dy * run.plane.reach) / 80]), // prettier-ignore
};
