// The expected loss over the two signals, and what pulls on each layer at a point of that plane.

import { choice, range, slider } from "./core.mjs";
import { clipped, dots, held, label, line, panel, px, rings, stems, tidy } from "./draw.mjs";
import { between, examplePython, exampleTask } from "./example.mjs";

const REACH = 1.6; // of the plane that is seen
const LEVELS = [0.002, 0.01, 0.03, 0.08, 0.2, 0.4, 0.7, 1, 1.6, 2.5, 4]; // of the start's excess
const [TOP_A, TOP_V] = [0.12, 0.2]; // of the pulls that are seen
const TOKENS = ["a", "b", "c"];
const kept = { key: "", map: "" }; // drawn once for many points

/** @param {ArrayLike<number>} x @param {ArrayLike<number>} y */
const dot = (x, y) => Array.from(x).reduce((all, each, t) => all + each * y[t], 0);

/** What pulls: minus the expected preconditioned gradients (Lemma B.8). @param {any} task @param {{A: Float64Array[], V: Float64Array[]}} params */
function pulls({ N, T, stationary, transition, positions, weights }, { A, V }) {
  const sum = (/** @type {(k: number) => number} */ term) =>
    Array.from({ length: N }, (_, k) => term(k)).reduce((x, y) => x + y, 0);
  const q = A.map(() => new Float64Array(T));
  const right = sum((k) => stationary[k] ** 2);
  q.forEach((row, k) => { for (const [j, t] of positions[k].entries()) row[t] = weights[k][j]; }); // prettier-ignore
  const norm = sum((k) => stationary[k] * dot(A[k], A[k])); // |A|^2_mu
  const force = sum((k) => stationary[k] * dot(A[k], q[k])); // <Q, A>_mu
  const overlap = (/** @type {Float64Array[]} */ W) => sum((n) => sum((m) => stationary[m] * V[n][m] * W[n][m])) - right; // prettier-ignore
  const [K_V, K_VP] = [overlap(V), overlap(transition)];
  return {
    force, K_V, K_VP,
    A: A.map((a, k) => q[k].map((each, t) => K_VP * (each - 1 / T) - K_V * (a[t] - 1 / T))),
    V: V.map((row, n) => row.map((v, m) => force * (transition[n][m] - stationary[n]) - norm * (v - stationary[n]))),
  }; // prettier-ignore
}

/**
 * Where the excess loss, K_P / 2 (K_Q (1 - a v)^2 + (1 - v)^2 / T), is below levels: for each v
 * an interval of a, wide around 1 / v.
 * @param {any} plane @param {any} task
 */
function valleys(plane, { K_Q, T }) {
  let markup = "";
  for (const level of LEVELS)
    for (const sign of [-1, 1]) {
      const [upper, lower] = [[], []];
      for (let i = 1; i <= 90; i++) {
        const v = (sign * REACH * i * i) / 8100;
        const room = (level * (K_Q + 1 / T) - (1 - v) ** 2 / T) / K_Q;
        if (room < 0) continue;
        for (const [side, way] of /** @type {[string[], number][]} */ ([[upper, 1], [lower, -1]])) {
          const a = held((1 + way * Math.sqrt(room)) / v, [-9, 9]);
          side.push(`${plane.x(v)} ${plane.y(a)}`);
        } // prettier-ignore
      }
      if (upper.length) markup += `<path class="line area soft thin" style="stroke-width:0.6" fill-opacity="0.09" d="M${upper.join("L")}L${lower.reverse().join("L")}Z"/>`; // prettier-ignore
    }
  const curve = Array.from({ length: 60 }, (_, i) => (1 / REACH) * REACH ** ((2 * i) / 59));
  for (const sign of [-1, 1]) markup += line(plane, curve.map((x) => sign * x), curve.map((x) => sign / x), "theory dashed thin"); // prettier-ignore
  return markup;
}

/** An arrow from a point, in pixels. @param {number} x @param {number} y @param {number} dx @param {number} dy @param {string} kind */
function arrow(x, y, dx, dy, kind) {
  const long = Math.hypot(dx, dy);
  if (long < 1) return "";
  const [c, s] = [dx / long, dy / long];
  const head = Math.min(7, long);
  const wing = (/** @type {number} */ turn) => `L${px(x + dx - head * (c - turn * s * 0.5))} ${px(y + dy - head * (s + turn * c * 0.5))}`; // prettier-ignore
  return `<path class="line ${kind}" style="stroke-width:3" d="M${px(x)} ${px(y)}L${px(x + dx)} ${px(y + dy)}${wing(1)}M${px(x + dx)} ${px(y + dy)}${wing(-1)}"/>`;
}

/** The point at a place of the plane, as the sliders have it. @param {number[]} at */
function to(at) {
  const [v, a] = at.map((x) => held(Math.round(x * 20) / 20, [-1.5, 1.5]) || 0);
  return { v, a };
}

/** @type {import("./core.mjs").Figure} */
export const loss = {
  name: "loss",
  title: "The loss, and what pulls on each layer",
  controls: [
    slider("v", "α of V: how much V knows", range(-1.5, 1.5, 0.05), 0),
    slider("a", "α of A: how much A knows", range(-1.5, 1.5, 0.05), 0),
    slider("T", "sequence length T", [10, 20, 40, 100, 200, 500], 40),
    choice("k", "last token", { 0: "a", 1: "b", 2: "c" }, "0"),
  ],
  presets: [
    ["The start", {}],
    ["V half way", { v: 0.5 }],
    ["A half way", { a: 0.5 }],
    ["The truth", { v: 1, a: 1 }],
    ["The mirror", { v: -1, a: -1 }],
  ],
  tour: { name: "v", values: [...range(0, 1, 0.05), ...range(0, 0.95, 0.05).reverse()] },
  bet: {
    question: "On the dashed curve no position pulls on A. Where else? Move the point there.",
    options: ["where A knows nothing", "where V knows nothing", "nowhere"],
    outcome: ({ state: { v, a } }) => (v === 0 && a !== 0 ? 1 : -1),
  },
  still: { state: { v: 0.5 } },

  start(state, scb) {
    const task = exampleTask(scb, state.T);
    const params = between(task, state.v, state.a);
    const trainer = scb.trainer(task);
    trainer.reset(params);
    const lost = trainer.loss();
    const excess = lost - task.bayesLoss();
    return { state, task, k: Number(state.k), lost, excess, pull: pulls(task, params) };
  },

  draw(run, width) {
    const { state, task, k, pull } = run;
    const wide = width >= 560;
    const side = wide ? 310 : Math.min(width - 60, 320);
    const plane = panel({ left: 46, top: 24, width: side, height: side, xlim: [-REACH, REACH], ylim: [-REACH, REACH], xlabel: "α of V", ylabel: "α of A", xticks: [-1, 0, 1], yticks: [-1, 0, 1] }); // prettier-ignore
    run.plane = { left: 46, top: 24, side };
    let inner =
      valleys(plane, task) + rings(plane, [1, -1], [1, -1], 6) + dots(plane, [0], [0], "truth", 3);
    for (const [at, name] of /** @type {[number, string][]} */ ([[1, "truth"], [0, "start"], [-1, "mirror"]]))
      inner += label(plane.x(at) + 10, plane.y(at) + 16, name, "small halo start"); // prettier-ignore
    // The way that eq. 8 takes, by parts: a fifth of it.
    const [x, y] = [plane.x(state.v), plane.y(state.a)];
    const miss = 1 - state.v * state.a;
    const way = [miss * state.a + (1 - state.v) / (task.T * task.K_Q), miss * state.v];
    const [dx, dy] = way.map((each) => (each * side) / 2 / REACH / 2);
    // From the rim of the point: at the start the one arrow is shorter than the point is wide.
    inner += arrow(x + 6 * Math.sign(dx), y, dx, 0, "v") + arrow(x, y - 6 * Math.sign(dy), 0, -dy, "a") + dots(plane, [state.v], [state.a], "good", 6); // prettier-ignore
    let body = plane.markup + clipped(plane, inner);
    const left = wide ? side + 116 : 46;
    const top = wide ? 24 : side + 106;
    const tall = wide ? side / 2 - 38 : 120;
    const size = { left, width: width - left - 16, height: tall }; // prettier-ignore
    const where = task.positions[k];
    const ofA = panel({ ...size, top, ylim: [-TOP_A, TOP_A], yticks: [-0.1, 0, 0.1], xlim: [0.5, task.T + 0.5], xticks: [1, task.T / 2, task.T], xlabel: "position", ylabel: `pull on A, last token ${TOKENS[k]}` }); // prettier-ignore
    const seen = (/** @type {number} */ t) => held(pull.A[k][t], [-TOP_A, TOP_A]);
    body += ofA.markup + clipped(ofA, stems(ofA, pull.A[k], "a")) + line(ofA, [0.5, task.T + 0.5], [0, 0], "theory thin"); // prettier-ignore
    body += rings(ofA, where.map((/** @type {number} */ t) => t + 1), where.map(seen), 5); // prettier-ignore
    const ofV = panel({ ...size, top: top + tall + 76, ylim: [-TOP_V, TOP_V], yticks: [-0.1, 0, 0.1], xlim: [0.5, 3.5], xticks: [1, 2, 3], xnames: TOKENS, xlabel: "what follows", ylabel: `pull on V, token ${TOKENS[k]}` }); // prettier-ignore
    body += ofV.markup + clipped(ofV, stems(ofV, pull.V.map((/** @type {any} */ row) => row[k]), "v")) + line(ofV, [0.5, 3.5], [0, 0], "theory thin"); // prettier-ignore
    return { height: wide ? side + 68 : top + 2 * tall + 76 + 44, body };
  },

  words({ state: { v, a, T }, excess, pull }) {
    // At the truth rounding may leave some −10⁻¹⁷.
    const above = `The loss is ${tidy(excess > 1e-12 ? excess : 0)} above its least value.`;
    if (v === 1 && a === 1) return `${above} Nothing pulls: this is the truth.`;
    const onV = `On V the force is ⟨Q, A⟩ = ${tidy(pull.force, 2)}${a === 0 ? `, just 1/${T}` : ""}.`;
    if (v === 0) return `${above} V says the same whatever it sees, so no position pulls on A, wherever A looks. ${onV}`; // prettier-ignore
    if (Math.abs(v * a - 1) < 1e-9)
      return `${above} The product is one, so no position pulls on A.`;
    const way = v * (1 - v * a) > 0 ? "up" : "down"; // prettier-ignore
    return `${above} On A the force is K_VP = ${tidy(pull.K_VP, 2)}: attended positions are pulled ${way}. ${onV}`; // prettier-ignore
  },

  python: ({ state, k }) => `${examplePython(state.T, state.v, state.a)}
excess = scb.population_loss(task, params) - task.bayes_loss()
gradients = scb.precondition(task, scb.population_gradients(task, params))
shown = [excess, *-gradients.A[:, ${k}], *-gradients.V[:, ${k}]]
print(*(round(float(each), 10) for each in shown))
`,

  data({ state, lost, excess, pull, k }) {
    const ofV = pull.V.map((/** @type {any} */ row) => row[k]);
    const shown = [excess, ...pull.A[k], ...ofV];
    return { ...to([state.v, state.a]), loss: lost, excess, force: pull.force, K_V: pull.K_V, K_VP: pull.K_VP, A: [...pull.A[k]], V: ofV, python: shown.map((each) => Number(each.toFixed(10))) }; // prettier-ignore
  },

  touch({ plane: { left, top, side } }, x, y) {
    const at = [((x - left) / side) * 2 - 1, 1 - ((y - top) / side) * 2];
    return Math.max(...at.map(Math.abs)) > 1 ? undefined : to(at.map((share) => share * REACH));
  },

  nudge: ({ state: { v, a } }, dx, dy) => to([v + dx / 20, a + dy / 20]),
};
