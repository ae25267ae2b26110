// The library's own kernels in the page. `scb.wasm` holds them, compiled by `make wasm`; this module
// checks arguments, as scbtools does and in its words, builds tasks, and keeps parameters.
// Bits are those of Python, so sums that Python leaves to NumPy are taken here in NumPy's order.

// --- checks of arguments -------------------------------------------------------------------------

/** A number as Python's format "g" writes it. @param {number} x @param {number} [digits] */
function general(x, digits = 6) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const [mantissa, power] = x.toExponential(digits - 1).split("e");
  const e = Number(power);
  if (e >= -4 && e < digits) return String(Number(x.toPrecision(digits)));
  const [short] = String(Number(mantissa)).split("e");
  return `${short}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
}

/** Short text for any value, as Python's reprlib. @param {any} value @returns {string} */
function shown(value) {
  if (typeof value === "number" && !Number.isInteger(value)) {
    if (!Number.isFinite(value)) return general(value);
    return String(value).replace(/e([-+])(\d)$/, "e$10$2");
  }
  if (typeof value === "string") return `'${value}'`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === null || value === undefined) return "None";
  if (!isList(value)) return String(value);
  const parts = Array.from(value).slice(0, 6).map(shown);
  return `[${parts.concat(value.length > 6 ? ["..."] : []).join(", ")}]`;
}

/** @param {any} value */
const isList = (value) =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** A shape as Python writes it. @param {number[]} sizes */
const tuple = (sizes) => (sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`);

/** Throw unless something holds. @param {any} holds @param {() => string} words @param {ErrorConstructor} [Kind] */
function must(holds, words, Kind = RangeError) {
  if (!holds) throw new Kind(words());
}

/** @param {string} name @param {any} value @param {number} low @param {number} [high] */
function integer(name, value, low, high = 2 ** 32 - 1) {
  must(Number.isInteger(value), () => `${name} must be an integer, got ${shown(value)}`, TypeError);
  within(name, value, low, high);
  return /** @type {number} */ (value);
}

/** @param {string} name @param {any} value @param {any} low @param {any} high */
function within(name, value, low, high) {
  const words = () => `${name} must be at least ${low} and at most ${high}, got ${shown(value)}`;
  must(value >= low && value <= high, words);
}

/** A seed: an integer up to 2^53, or a BigInt up to 2^64 - 1. @param {any} value */
function seed64(value) {
  if (typeof value !== "bigint" && !(Number.isInteger(value) && value < 0))
    return BigInt(integer("seed", value, 0, 2 ** 53));
  within("seed", value, 0, 2n ** 64n - 1n);
  return /** @type {bigint} */ (value);
}

/** @param {any} value */
const isReal = (value) => typeof value === "number" || typeof value === "boolean";

/** @param {string} name @param {any} value @param {number} low @param {boolean} [open] */
function real(name, value, low, open = false) {
  must(isReal(value), () => `${name} must be a number, got ${shown(value)}`, TypeError);
  const x = Number(value);
  const range = `${open ? "(" : "["}${general(low)}, 1.79769e+308]`;
  const fits = Number.isFinite(x) && (open ? x > low : x >= low);
  must(fits, () => `${name} must lie in ${range}, got ${shown(value)}`);
  return x;
}

/** @param {string} name @param {any} value */
function flag(name, value) {
  const words = () => `${name} must be True or False, got ${shown(value)}`;
  must(typeof value === "boolean", words, TypeError);
  return value;
}

/** @param {any} value @returns {number[]} The shape of nested arrays, null in it where ragged. */
function shapeOf(value) {
  if (!isList(value)) return [];
  const inner = Array.from(value, shapeOf);
  const first = inner[0] ?? [];
  const even = inner.every((s) => s.length === first.length && s.every((n, i) => n === first[i]));
  return even ? [value.length, ...first] : [NaN];
}

/**
 * A matrix of finite numbers, row by row.
 * @param {string} name @param {any} value @param {number[] | null} [shape] @param {number} [limit]
 */
function matrix(name, value, shape = null, limit = Number.MAX_VALUE) {
  const sizes = shapeOf(value);
  const even = !sizes.some(Number.isNaN);
  const words = "must be an array of numbers, with rows of one length";
  must(even, () => `${name} ${words}, got ${shown(value)}`);
  const twice = sizes.length === 2;
  const flat = twice ? Array.from(value, (row) => Array.from(row)).flat() : [];
  must(flat.every(isReal), () => `${name} ${REAL}`, TypeError);
  const whole = twice && sizes[0] * sizes[1] > 0;
  must(whole, () => `${name} must be a 2-D array with entries, got shape ${tuple(sizes)}`);
  const [rows, columns] = sizes;
  const fits = !shape || (shape[0] === rows && shape[1] === columns);
  must(fits, () => `${name} must have shape ${tuple(shape || [])}, got ${tuple(sizes)}`);
  const x = Float64Array.from(flat);
  const bad = x.findIndex((entry) => !(Math.abs(entry) <= limit));
  const where = place(bad, columns);
  must(bad < 0 || !Number.isFinite(x[bad]), () => `${name} has an entry beyond ${general(limit)} ${where}: it has diverged`); // prettier-ignore
  must(bad < 0, () => `${name} has a NaN or infinite entry ${where}`);
  return { x, rows, columns };
}

const REAL = "must be an array of real numbers, got dtype object";

/** @param {number} i @param {number} columns */
const place = (i, columns) => `at row ${Math.floor(i / columns)}, column ${i % columns}`;

// --- sums in NumPy's order -----------------------------------------------------------------------

/**
 * The sum of n entries from `at` on, as NumPy adds up what lies together in memory.
 * @param {ArrayLike<number>} x @param {number} [at] @param {number} [n] @returns {number}
 */
function pairwise(x, at = 0, n = x.length) {
  if (n < 8) {
    let total = 0;
    for (let i = at; i < at + n; i++) total += x[i];
    return total;
  }
  if (n > 128) {
    const half = (n >> 1) - ((n >> 1) % 8);
    return pairwise(x, at, half) + pairwise(x, at + half, n - half);
  }
  const r = Array.from({ length: 8 }, (_, lane) => x[at + lane]);
  const whole = n - (n % 8);
  for (let i = 8; i < whole; i += 8)
    for (let lane = 0; lane < 8; lane++) r[lane] += x[at + i + lane];
  let total = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
  for (let i = whole; i < n; i++) total += x[at + i];
  return total;
}

/** <X, Y>_mu of matrices in rows. @param {Float64Array} x @param {Float64Array} y @param {Float64Array} mu */
const inner = (x, y, mu) => pairwise(x.map((entry, i) => entry * y[i] * mu[i % mu.length]));

/** Sums over the n rows of a matrix of its entries, or of what is made of them. @param {number} n @param {Float64Array} entries @param {(entry: number, i: number) => number} of */
function rowSums(n, entries, of = (entry) => entry) {
  const x = entries.map(of);
  return Float64Array.from({ length: n }, (_, k) => pairwise(x, (k * x.length) / n, x.length / n));
}

/** @param {Float64Array} x @param {Float64Array} y */
const dot = (x, y) => pairwise(x.map((entry, i) => entry * y[i]));

// --- tasks ---------------------------------------------------------------------------------------

/** A matrix of n rows with its rows as columns. @param {Float64Array} x @param {number} n */
const transposed = (x, n) => x.map((_, i) => x[(i % n) * (x.length / n) + Math.floor(i / n)]);

/** @param {Float64Array} x */
const nonzero = (x) => x.map((entry) => (entry !== 0 ? 1 : 0));

/** Sums of columns, row after row. @param {number} columns @param {Float64Array} x */
function columnSums(columns, x) {
  const sums = new Float64Array(columns);
  x.forEach((entry, i) => (sums[i % columns] += entry));
  return sums;
}

/**
 * Mend the sums of columns that are distributions, or throw.
 * @param {string} name @param {Float64Array} x @param {Float64Array} sums
 */
function distributions(name, x, sums) {
  const columns = sums.length;
  const bad = x.findIndex((entry) => entry < 0);
  must(bad < 0, () => `${name} has the negative entry ${general(x[bad])} ${place(bad, columns)}; entries are probabilities`); // prettier-ignore
  const off = sums.map((sum) => Math.abs(sum - 1));
  const worst = off.indexOf(off.reduce((a, b) => Math.max(a, b)));
  must(
    off[worst] <= 1e-9,
    () =>
      `column ${worst} of ${name} sums to ${general(sums[worst], 9)}, not 1; each column must be ` +
      `a distribution: divide it by its sum (or transpose ${name} if its rows are)`,
  );
  const kept = columnSums(columns, nonzero(x));
  const divisors = sums.map((sum, k) => (off[k] <= Number.EPSILON * kept[k] ? 1 : sum));
  return x.map((entry, i) => entry / divisors[i % columns]);
}

/** The first token that token 0 does not lead to. @param {number} n @param {(to: number, from: number) => boolean} edge */
function unreached(n, edge) {
  const seen = new Uint8Array(n).fill(1, 0, 1);
  const open = [0];
  for (let from = open.pop(); from !== undefined; from = open.pop())
    for (let to = 0; to < n; to++)
      if (!seen[to] && edge(to, from)) {
        seen[to] = 1;
        open.push(to);
      }
  return seen.indexOf(0);
}

/** @param {any} value */
function transitionMatrix(value) {
  const given = matrix("transition", value);
  const n = given.rows;
  const shape = tuple([n, given.columns]);
  must(given.columns === n, () => `transition must be square, got shape ${shape}`);
  must(n >= 2 && n <= 65535, () => `transition must have 2 to 65535 tokens, got ${n}`);
  const P = distributions("transition", given.x, columnSums(n, given.x));
  /** @type {[string, (to: number, from: number) => boolean][]} */
  const graphs = [
    ["cannot be reached from", (to, from) => P[to * n + from] > 0],
    ["cannot reach", (to, from) => P[from * n + to] > 0],
  ];
  for (const [words, edge] of graphs) {
    const missing = unreached(n, edge);
    must(
      missing < 0,
      () =>
        `token ${missing} ${words} token 0 under transition, so the stationary distribution is ` +
        `not unique or has zeros; every token must lead to every other: mix in a little of the ` +
        `uniform matrix`,
    );
  }
  return P;
}

/** Q's entries of each token, as [position, weight]. @typedef {[number, number][][]} Entries */

/** @param {any} value @param {number} n @returns {{ entries: Entries, T: number }} */
function denseAttention(value, n) {
  const { x, rows: T, columns } = matrix("attention", value);
  const shape = `shape (T, ${n}), got ${tuple([T, columns])}`;
  must(columns === n, () => `attention must have one column per token, ${shape}`);
  const empty = columnSums(n, nonzero(x)).indexOf(0);
  must(empty < 0, () => `column ${empty} of attention is all zero: every token must attend to at least one position`); // prettier-ignore
  const Q = distributions("attention", x, columnSums(n, x));
  /** @type {Entries} */
  const entries = Array.from({ length: n }, () => []);
  Q.forEach((weight, i) => weight !== 0 && entries[i % n].push([Math.floor(i / n), weight]));
  return { entries, T };
}

/** @param {any} options @param {number} n @returns {{ entries: Entries, T: number }} */
function sparseAttention({ positions, weights, seqLen }, n) {
  const T = integer("seq_len", seqLen, 1, 2 ** 35 - 1);
  const where = matrix("positions", positions);
  const whole = where.x.every(Number.isInteger);
  must(whole, () => "positions must be integers, got dtype float64", TypeError);
  const { rows, columns: S } = where;
  must(rows === n, () => `positions must have shape (${n}, S), got ${tuple([rows, S])}`);
  const inside = where.x.every((t) => t >= 0 && t < T);
  must(inside, () => `positions must lie in 0 .. ${T - 1}`);
  const given = matrix("weights", weights, [n, S]).x;
  const flipped = transposed(given, n);
  const q = distributions("weights (transposed)", flipped, rowSums(n, given));
  const entries = Array.from({ length: n }, (_, k) => {
    /** @type {[number, number][]} */
    const row = [];
    for (let j = 0; j < S; j++)
      if (q[j * n + k] !== 0) row.push([where.x[k * S + j], q[j * n + k]]);
    row.sort((a, b) => a[0] - b[0]);
    const twice = row.some(([t], j) => j > 0 && t === row[j - 1][0]);
    must(!twice, () => `row ${k} of positions names a position twice; add the weights up`);
    return row;
  });
  return { entries, T };
}

/** Integer thresholds of distributions of n outcomes each. @param {Float64Array} p @param {number} n */
function thresholds(p, n) {
  const found = new Uint32Array((p.length / n) * (n - 1));
  for (let row = 0, at = 0; row < p.length; row += n)
    for (let i = 0, sum = 0; i < n - 1; i++) {
      sum += p[row + i];
      const x = sum * 2 ** 32;
      found[at++] = Math.min(x + 2 ** 52 - 2 ** 52, 2 ** 32 - 1); // to nearest, halves to even
    }
  return found;
}

/** Which token each 16-bit draw is, 0x8000 where more bits decide. @param {Uint16Array} high */
function bucketTable(high) {
  const table = new Uint16Array(65536);
  for (let draw = 0, token = 0; draw < 65536; draw++) {
    while (token < high.length && high[token] < draw) token++;
    table[draw] = token;
  }
  if (high.length >= 0x8000) return table.fill(0x8000);
  for (const draw of high) table[draw] = 0x8000;
  return table;
}

/** As int64 in memory. @param {ArrayLike<number>} values */
function wide(values) {
  const found = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) found[2 * i] = values[i];
  return found;
}

/** Views of the rows of a matrix. @param {Float64Array} x @param {number} n */
const rowsOf = (x, n) =>
  Array.from({ length: n }, (_, k) => x.subarray((k * x.length) / n, ((k + 1) * x.length) / n));

/** A task: N, T, P, mu and Q. Not to be changed. */
class Task {
  /** @param {Machine} machine @param {any} options */
  constructor(machine, options) {
    const P = transitionMatrix(options?.transition);
    const N = Math.sqrt(P.length);
    const { entries, T } =
      options.positions === undefined
        ? denseAttention(options.attention, N)
        : sparseAttention(options, N);
    const mu = machine.stationary(P, N);
    let rare = mu.findIndex((share) => !(share >= 2 ** -40));
    if (rare >= 0) {
      const shares = mu.map((share) => (Number.isNaN(share) ? 1 : share));
      rare = shares.indexOf(Math.min(...shares));
      throw new RangeError(
        `token ${rare} (column ${rare} of transition) has the stationary probability ` +
          `${general(mu[rare] || 0, 3)}, below 2^-40: it is hardly ever drawn, and gradients are ` +
          `divided by it; drop it, or mix in a little of the uniform matrix`,
      );
    }
    const S = Math.max(...entries.map((row) => row.length));
    const at = (/** @type {number} */ i) => entries[Math.floor(i / S)];
    const counts = Float64Array.from(entries, (row) => row.length);
    const where = Float64Array.from({ length: N * S }, (_, i) => (at(i)[i % S] ?? at(i).at(-1))[0]);
    const q = Float64Array.from({ length: N * S }, (_, i) => at(i)[i % S]?.[1] ?? 0);
    const centred = P.map((entry, i) => entry - mu[Math.floor(i / N)]);
    const length = inner(centred, centred, mu);
    this.machine = machine;
    this.N = N;
    this.T = T;
    this.sparsity = S;
    this.transition = rowsOf(P, N);
    this.stationary = mu;
    this.positions = entries.map((row) => row.map(([t]) => t));
    this.weights = entries.map((row) => row.map(([, weight]) => weight));
    const squares = rowSums(N, q, (w) => w * w);
    this.normQ2 = dot(mu, squares);
    this.K_P = length > 1e-24 * dot(mu, mu) ? length : 0;
    const excess = this.normQ2 - 1 / T;
    this.K_Q = excess > 1e-12 * this.normQ2 ? excess : 0;
    this.P = P;
    this.q = q;
    this.where = where;
    const token = thresholds(mu, N);
    const high = token.map((h) => h >>> 16);
    const flipped = transposed(P, N);
    const padded = Uint16Array.of(...high, 0xffff).slice(0, Math.max(2, N - 1));
    const table = N > 11 ? bucketTable(Uint16Array.from(high)) : new Uint16Array(1);
    const [attended, target] = [thresholds(q, S), thresholds(flipped, N)];
    /** What the kernels read, in the order of their row of numbers. */
    this.parts = [P, mu, wide(where), q, wide(counts), token, padded, table, attended, target];
  }

  /** The least expected loss, 1/2 (1 - |mu|^2 - |Q|^2_mu K_P). */
  bayesLoss() {
    return 0.5 * (1 - dot(this.stationary, this.stationary) - this.normQ2 * this.K_P);
  }

  /**
   * Sequences of a step of the stream: tokens (B arrays of T), last and target (B).
   * @param {number} batchSize @param {{ seed?: number | bigint, step?: number }} [place]
   */
  sample(batchSize, { seed = 0, step = 0 } = {}) {
    const B = integer("batch_size", batchSize, 1);
    const place = [...halves(seed64(seed)), integer("step", step, 0)];
    return this.machine.sample(this, B, place);
  }
}

/** The low and the high half of a seed. @param {bigint} seed */
const halves = (seed) => [Number(seed & 0xffffffffn), Number(seed >> 32n)];

/** @param {any} task @returns {Task} */
function known(task) {
  if (task instanceof Task) return task;
  throw new TypeError(`task must be a task, got ${shown(task)}; make one with scb.task`);
}

// --- runs ----------------------------------------------------------------------------------------

const STATUS = /** @type {const} */ (["ran", "reached", "diverged"]);
const TARGETS = [null, "max_signal", "mean_signal"];

/**
 * What a run can be told, and what checks it, in the library's names.
 * @type {Record<string, (x: any) => any>}
 */
const OPTIONS = {
  seed: seed64,
  batchSize: (x) => integer("batch_size", x, 1),
  etaA: (x) => real("eta_A", x, 0),
  etaV: (x) => real("eta_V", x, 0),
  l1: (x) => real("l1", x, 0),
  preconditioned: (x) => flag("preconditioned", x),
  centred: (x) => flag("centred", x),
  frozen: (x) => flag("freeze_A", x),
  until(x) {
    if (TARGETS.includes(x)) return TARGETS.indexOf(x);
    const Kind = typeof x === "string" ? RangeError : TypeError;
    throw new Kind(`until must be one of (None, 'max_signal', 'mean_signal'), got ${shown(x)}`);
  },
  target: (x) => real("target", x, 0),
};

/**
 * @typedef {{ seed?: number | bigint, batchSize?: number, etaA?: number, etaV?: number, l1?: number,
 *   preconditioned?: boolean, centred?: boolean, frozen?: boolean,
 *   until?: "max_signal" | "mean_signal" | null, target?: number }} Options
 */

/**
 * Parameters and how they move. A holds its columns as rows, N of T; V has N rows of N. Both are the
 * run's own: they change with it, and what is written into them counts.
 */
class Run {
  /** @param {Task} task @param {Options} options */
  constructor(task, options) {
    this.task = task;
    // prettier-ignore
    this.rule = {
      seed: 0n, batchSize: 64, etaA: 0, etaV: 0, l1: 0, preconditioned: true, centred: false,
      frozen: false, until: 0, target: 1,
    };
    this.attention = new Float64Array(task.N * task.T);
    this.value = new Float64Array(task.N * task.N);
    /** Steps taken. */
    this.steps = 0;
    this.A = rowsOf(this.attention, task.N);
    this.V = rowsOf(this.value, task.N);
    this.set(options);
    this.reset();
  }

  /** Change some options. @param {Options} options */
  set(options) {
    const checked = Object.entries(options).filter(([, value]) => value !== undefined);
    for (const pair of checked) {
      if (!Object.hasOwn(OPTIONS, pair[0])) throw new TypeError(`unknown option ${shown(pair[0])}`);
      pair[1] = OPTIONS[pair[0]](pair[1]);
    }
    Object.assign(this.rule, Object.fromEntries(checked));
  }

  /** Begin anew: from parameters, or the uniform start. @param {{ A?: any, V?: any }} [start] */
  reset({ A, V } = {}) {
    const { N, T, stationary } = this.task;
    const attention = A && matrix("A", A, [N, T], 1e40).x;
    const value = V && matrix("V", V, [N, N], 1e40).x;
    if (attention) this.attention.set(attention);
    else this.attention.fill(1 / T);
    if (value) this.value.set(value);
    else this.V.forEach((row, n) => row.fill(stationary[n]));
    this.steps = 0;
  }

  /** Take up to n steps, fewer where the target is met or the next would diverge. @param {number} [n] */
  step(n = 1) {
    integer("step", this.steps + Math.max(0, integer("n", n, 0) - 1), 0);
    const { N, T, machine } = this.task;
    const found = machine.run(this, n, this.rule.batchSize, this.steps, true);
    this.steps += found.taken;
    this.attention.set(found.floats(0, N * T));
    this.value.set(found.floats(1, N * N));
    return { taken: found.taken, status: STATUS[found.code] };
  }

  /** Raw gradients of one batch, as rows like A and V. @param {number} [batchSize] @param {number} [step] */
  gradients(batchSize = this.rule.batchSize, step = this.steps) {
    const { N, T, machine } = this.task;
    integer("batch_size", batchSize, 1);
    integer("step", step, 0);
    const found = machine.run(this, 1, batchSize, step, false);
    must(found.code !== 2, () => "params have diverged: a column of |A| sums to more than 1e+12, or an entry of |V| is larger"); // prettier-ignore
    return { A: rowsOf(found.floats(2, N * T), N), V: rowsOf(found.floats(3, N * N), N) };
  }

  /** Signals alpha, distances delta from the lines, errors (Lemma C.1). */
  signals() {
    const { N, P, stationary: mu, machine } = this.task;
    const [alpha_V, alpha_A, ...squares] = machine.distances(this);
    const [line, truth] = rowsOf(Float64Array.from(squares), 3).map((row) => dot(row, mu));
    const trivial = (/** @type {number} */ i) => mu[Math.floor(i / N)];
    const off = this.value.map((v, i) => v - alpha_V * P[i] - (1 - alpha_V) * trivial(i));
    const wrong = this.value.map((v, i) => v - P[i]);
    return {
      alpha_V,
      alpha_A,
      delta_V: Math.sqrt(inner(off, off, mu)),
      delta_A: Math.sqrt(line),
      error_V: Math.sqrt(inner(wrong, wrong, mu)),
      error_A: Math.sqrt(truth),
    };
  }

  /** <a, q> of every token. */
  #attended() {
    const { N, T, sparsity: S, where, q } = this.task;
    return rowSums(N, q, (w, i) => this.attention[Math.floor(i / S) * T + where[i]] * w);
  }

  /** The expected loss (eq. 3), exact. */
  loss() {
    const { N, P, stationary: mu } = this.task;
    const norm = rowSums(N, this.attention, (a) => a * a);
    const sum = rowSums(N, this.attention);
    const match = this.#attended();
    const vMu = rowSums(N, this.value, (v, i) => v * mu[i % N]);
    const [vNorm, vP] = [inner(this.value, this.value, mu), inner(this.value, P, mu)];
    const [square, overlap] = [dot(vMu, vMu), dot(mu, vMu)];
    const lost = mu.map((share, k) => {
      const output = norm[k] * vNorm + (sum[k] * sum[k] - norm[k]) * square;
      return (1 + output - 2 * (match[k] * vP + (sum[k] - match[k]) * overlap)) * share;
    });
    return 0.5 * pairwise(lost);
  }

  /** Keep entries of A >= level, then project to sum 1 (E.1, E.2). @param {number} level */
  threshold(level) {
    this.task.machine.change(this, "threshold", real("level", level, -Number.MAX_VALUE));
  }

  /** Keep entries of A >= level, then divide by their sum (F.1). @param {number} level */
  round(level) {
    const empty = this.task.machine.change(this, "round_off", real("level", level, 0, true));
    must(empty < 0, () => `nothing in column ${empty} of A reaches the level ${general(level)}: train longer or round at a lower level`); // prettier-ignore
  }

  /** Turn the sign of both signals: 2/T - A and 2 mu 1' - V. */
  reflect() {
    this.task.machine.change(this, "reflect");
  }

  /** Whether A's outliers lie below 1/T: the mirror solution, seen from A alone. */
  looksMirrored() {
    const uniform = 1 / this.task.T;
    const ends = (/** @type {(x: number, y: number) => number} */ pick) =>
      Float64Array.from(this.A, (row) => row.reduce((x, y) => pick(x, y)));
    const [low, high] = [ends(Math.min), ends(Math.max)];
    return pairwise(low.map((x) => uniform - x)) > pairwise(high.map((x) => x - uniform));
  }

  /** Set V to the minimiser of the expected loss for this A (appendix I), and return it. */
  leastSquares() {
    const { N, T, P, stationary: mu } = this.task;
    const sums = rowSums(N, this.attention);
    const even = sums.every((sum) => Math.abs(sum - 1) <= 1e-6);
    must(even, () => "columns of A must sum to 1; project or round A first");
    const size = pairwise(this.attention.map((a, i) => a * a * mu[Math.floor(i / T)]));
    const ratio = dot(this.#attended(), mu) / size;
    P.forEach((p, i) => {
      const trivial = mu[Math.floor(i / N)];
      this.value[i] = trivial + ratio * (p - trivial);
    });
    return this.V;
  }

  /** Another run that stands where this one does. */
  copy() {
    const other = new Run(this.task, {});
    Object.assign(other.rule, this.rule);
    other.attention.set(this.attention);
    other.value.set(this.value);
    other.steps = this.steps;
    return other;
  }
}

// --- the kernels ---------------------------------------------------------------------------------

/**
 * The compiled kernels. Their memory holds the task last used and, behind it, one call's arrays,
 * which are copied there and back: so it is as large as the largest call, however many there are.
 */
class Machine {
  /** @param {WebAssembly.Exports} exports */
  constructor(exports) {
    this.kernels = /** @type {Record<string, (...x: number[]) => number>} */ (exports);
    this.memory = /** @type {WebAssembly.Memory} */ (exports.memory);
    this.base = /** @type {WebAssembly.Global} */ (exports.__heap_base).value;
    this.top = this.base;
    /** @type {Task | null} */
    this.task = null;
  }

  /**
   * Put arrays, or empty ones of so many bytes, into memory from `at` on; return their addresses,
   * and where they end.
   * @param {number} at @param {(ArrayBufferView | number)[]} parts
   */
  place(at, parts) {
    /** @type {number[]} */
    const places = [];
    let end = at;
    for (const part of parts) {
      end = Math.ceil(end / 64) * 64;
      places.push(end);
      end += typeof part === "number" ? part : part.byteLength;
    }
    const lacking = end - this.memory.buffer.byteLength;
    if (lacking > 0) this.memory.grow(Math.ceil(lacking / 65536));
    parts.forEach((part, i) => {
      if (typeof part !== "number")
        new Uint8Array(this.memory.buffer, places[i], part.byteLength).set(
          new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
        );
    });
    return [...places, end];
  }

  /** A copy of n numbers at an address. @param {number} at @param {number} n */
  floats(at, n) {
    return new Float64Array(this.memory.buffer, at, n).slice();
  }

  /** Have a task in memory; return the address of its row of numbers. @param {Task} task */
  #enter(task) {
    if (this.task !== task) {
      this.task = null;
      const places = this.place(this.base, [120, ...task.parts]);
      const row = [task.N, task.T, task.sparsity, task.K_P, task.K_Q, ...places.slice(1, -1)];
      this.top = places[places.length - 1];
      this.place(places[0], [Float64Array.from(row)]);
      this.task = task;
    }
    return Math.ceil(this.base / 64) * 64;
  }

  /** @param {Float64Array} P @param {number} n */
  stationary(P, n) {
    this.task = null;
    const [from, mu] = this.place(this.base, [transposed(P, n), 8 * n]);
    this.kernels.stationary(n, from, mu);
    return this.floats(mu, n);
  }

  /** @param {Task} task @param {number} B @param {number[]} place */
  sample(task, B, place) {
    const { T } = task;
    const card = this.#enter(task);
    let places;
    try {
      places = this.place(this.top, [
        Float64Array.from(place),
        5632 + 2 * T + 512,
        2 * B * (T + 2),
      ]);
    } catch {
      const size = (B * T * (task.N <= 256 ? 1 : 2)) / 2 ** 30;
      throw new RangeError(
        `${B} sequences of ${T} tokens take ${general(size, 3)} GiB, more than there is: make ` +
          `batch_size smaller; minibatch_gradients takes such batches, as it stores none`,
      );
    }
    const [rule, room, out] = places;
    this.kernels.sample(card, rule, B, room, out);
    const drawn = new Uint16Array(this.memory.buffer, out, B * (T + 2));
    const rows = Array.from({ length: B }, (_, i) =>
      Array.from(drawn.subarray(i * T, (i + 1) * T)),
    );
    const ends = Array.from(drawn.subarray(B * T));
    return { tokens: rows, last: ends.slice(0, B), target: ends.slice(B) };
  }

  /** @param {Run} run @param {number} n @param {number} B @param {number} step @param {boolean} train */
  run(run, n, B, step, train) {
    const { task, rule, attention, value } = run;
    const { N, T } = task;
    const card = this.#enter(task);
    const frozen = train && rule.frozen;
    const begin = new Float64Array(N + 1);
    const kept = [];
    if (frozen)
      for (let i = 0; i < N * T; i++) {
        if (attention[i] !== 0) kept.push(i % T);
        begin[Math.floor(i / T) + 1] = kept.length;
      }
    // prettier-ignore
    const law = [
      ...halves(rule.seed), step, B, train, frozen, rule.preconditioned, rule.centred,
      frozen ? 0 : rule.etaA, rule.etaV, rule.l1, rule.until, rule.target,
    ];
    // prettier-ignore
    const [how, model, room, ...places] = this.place(this.top, [
      Float64Array.from(law, Number), 56, this.kernels.room(N, T, B), attention, value,
      train ? 8 : 8 * N * T, 8 * N * N, wide(begin), wide(kept.length ? kept : [0]),
    ]);
    this.place(model, [Float64Array.from([...places.slice(0, 6), Math.max(1, kept.length)])]);
    const found = this.kernels.run(n, card, how, model, room);
    const floats = (/** @type {number} */ i, /** @type {number} */ size) =>
      this.floats(places[i], size);
    return { taken: Math.floor(found / 4), code: found % 4, floats };
  }

  /** @param {Run} run */
  distances({ task, attention, value }) {
    const card = this.#enter(task);
    const size = 2 + 3 * task.N;
    const [a, v, out] = this.place(this.top, [attention, value, 8 * (size + 24)]);
    this.kernels.distances(card, a, v, out);
    return this.floats(out, size);
  }

  /**
   * Let a kernel change a run's parameters, or what has their shape.
   * @param {{ task: Task, attention: Float64Array, value: Float64Array }} run
   * @param {"threshold" | "round_off" | "reflect" | "precondition"} kernel @param {number[]} more
   */
  change({ task, attention, value }, kernel, ...more) {
    const { N, T, stationary } = task;
    const [a, v, mu] = this.place(this.top, [attention, value, stationary]);
    const rows = kernel === "threshold" || kernel === "round_off";
    const found = this.kernels[kernel](N, T, a, ...(rows ? more : [v, mu, ...more]));
    attention.set(this.floats(a, N * T));
    value.set(this.floats(v, N * N));
    return found;
  }

  /** @param {number[]} numbers */
  signalStep(numbers) {
    const [pair] = this.place(this.top, [Float64Array.from(numbers)]);
    this.kernels.signal_step(pair);
    return this.floats(pair, 2);
  }
}

// --- what the page calls -------------------------------------------------------------------------

/** The bytes of scb.wasm: those that a page carries in base64, or the file beside this module. */
async function found() {
  const carried = /** @type {any} */ (globalThis).SCB_WASM;
  if (carried) return Uint8Array.from(atob(carried), (letter) => letter.charCodeAt(0));
  const url = new URL("scb.wasm", import.meta.url);
  if (url.protocol !== "file:") {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url} cannot be read: ${answer.status}`);
    return answer.arrayBuffer();
  }
  // @ts-ignore
  return (await import(/* webpackIgnore: true */ "node:fs/promises")).readFile(url);
}

/**
 * Load the kernels, from bytes or from beside this module.
 * @param {BufferSource} [bytes]
 */
export function load(bytes) {
  return Promise.resolve(bytes ?? found()).then(async (given) => {
    const module = await WebAssembly.compile(/** @type {BufferSource} */ (given));
    const machine = new Machine((await WebAssembly.instantiate(module)).exports);
    const [stamp] = WebAssembly.Module.customSections(module, "sources");
    return {
      /** Of the sources that the kernels were compiled from. */
      stamp: String.fromCharCode(...new Uint8Array(stamp)),
      /** A task, from dense attention (T, N) or from positions and weights. @param {any} options */
      task: (options) => new Task(machine, options),
      /** A run from the uniform start. @param {Task} task @param {Options} [options] */
      trainer: (task, options = {}) => new Run(known(task), options),
      /**
       * Preconditioned gradients (eq. 4), new ones.
       * @param {Task} task @param {{ A: any, V: any }} raw @param {boolean} [centred]
       */
      precondition(task, { A, V }, centred = false) {
        const { N, T } = known(task);
        const attention = matrix("gradients.A", A, [N, T], 1e80).x;
        const value = matrix("gradients.V", V, [N, N], 1e80).x;
        machine.change({ task, attention, value }, "precondition", +flag("centred", centred));
        return { A: rowsOf(attention, N), V: rowsOf(value, N) };
      },
      /**
       * [alpha_V, alpha_A] after a population step of base rate eta (eq. 8).
       * @param {number} alphaV @param {number} alphaA @param {number} eta @param {number} K_Q
       * @param {number} T
       */
      signalStep(alphaV, alphaA, eta, K_Q, T) {
        const given = { alpha_V: alphaV, alpha_A: alphaA, eta, K_Q, seq_len: T };
        for (const [name, x] of Object.entries(given)) {
          must(typeof x === "number", () => `${name} ${REAL}`, TypeError);
          must(Number.isFinite(x), () => `${name} has a NaN or infinite entry`);
        }
        const divides = Math.min(K_Q, T) > 0;
        must(divides, () => "K_Q and seq_len must be greater than 0: eq. 8 divides by them");
        const after = machine.signalStep(Object.values(given));
        const finite = after.every(Number.isFinite);
        must(finite, () => "alpha_V, alpha_A or eta / K_Q is so large that the step is infinite");
        return [after[0], after[1]];
      },
    };
  });
}
