// Reads cases as JSON and writes what scb.mjs makes of them. node run_cases.mjs scb.mjs cases out
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [path, cases, out] = process.argv.slice(2);
const { load } = await import(pathToFileURL(path).href);
const scb = await load();

/** Results with exact bits: typed arrays in base64, numbers that JSON lacks by name. */
function told(x) {
  if (typeof x === "number") return Number.isFinite(x) ? x : { number: String(x) };
  if (ArrayBuffer.isView(x)) {
    const bytes = Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString("base64");
    return { [x.constructor.name]: bytes };
  }
  if (Array.isArray(x)) return x.map(told);
  if (x && typeof x === "object" && x.constructor === Object)
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, told(value)]));
  return ["boolean", "string"].includes(typeof x) || x === null ? x : null;
}

/** What stands for values that JSON lacks. */
const meant = (key, x) => {
  if (x && x.number) return Number(x.number);
  return x && x.bigint ? BigInt(x.bigint) : x;
};

/** A run of stages, as scbtools.train; the loss and signals after each part of a stage. */
function train(run, stages) {
  const history = [];
  const record = () => history.push([run.loss(), ...Object.values(run.signals())]);
  record();
  for (const { before, steps, ...options } of stages) {
    for (const { kind, level } of before) {
      const { sparsity } = run.task;
      if (kind === "reflect" && run.looksMirrored()) run.reflect();
      if (kind === "threshold") run.threshold((level * run.signals().alpha_V) / sparsity);
      if (kind === "round") run.round(level / sparsity);
      if (kind === "least_squares") run.leastSquares();
    }
    if (before.length) record();
    run.set(options);
    if (run.step(steps).taken) record();
  }
  return { history, A: run.A, V: run.V, steps: run.steps };
}

/** Memory of the kernels before and after many runs on tasks that take turns. */
function crowd({ tasks, runs }) {
  const sizes = [];
  for (let i = 0; i < runs; i++) {
    const task = scb.task(tasks[i % tasks.length]);
    const run = scb.trainer(task, { etaA: 0.01, etaV: 0.01, seed: i });
    run.step(2);
    run.signals();
    task.sample(9);
    sizes.push(task.machine.memory.buffer.byteLength);
  }
  return [sizes[tasks.length - 1], sizes.at(-1)];
}

/** What a run and its copy hold after the copy's steps, and after the run's own. */
function fork(run) {
  run.set({ etaA: 0.01, etaV: 0.01 });
  const other = run.copy();
  other.step(3);
  const before = run.attention.slice();
  run.step(3);
  return { before, own: run.attention, copy: other.attention };
}

function perform({ task: given, calls }) {
  const results = [];
  const at = { scb };
  const attempt = (work) => {
    try {
      results.push(told(work()));
    } catch (error) {
      results.push({ kind: error.name, message: error.message });
    }
  };
  if (given) attempt(() => void (at.task = scb.task(given)));
  for (const [name, ...rest] of calls) {
    const [owner, member] = name.split(".");
    if (member === "precondition" || member === "trainer") rest.unshift(at.task);
    attempt(() => {
      if (name === "crowd") return crowd(...rest);
      if (name === "train") return train(at.run, ...rest);
      if (name === "fork") return fork(at.run);
      const found = at[owner][member];
      const result = typeof found === "function" ? at[owner][member](...rest) : found;
      if (member === "trainer") at.run = result;
      return result;
    });
  }
  return results;
}

writeFileSync(out, JSON.stringify(JSON.parse(readFileSync(cases, "utf8"), meant).map(perform)));
