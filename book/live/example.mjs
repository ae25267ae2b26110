// The task that figures share: three tokens, and for each two positions at fixed shares of T.

export const TRANSITION = [[0.1, 0.2, 0.6], [0.7, 0.2, 0.1], [0.2, 0.6, 0.3]]; // prettier-ignore
const SHARES = [[20, 70], [35, 55], [10, 90]]; // prettier-ignore
const WEIGHTS = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]; // prettier-ignore

/** The attended positions of each token, from 0. @param {number} T */
export const places = (T) =>
  SHARES.map((row) => row.map((share) => Math.round((share * T) / 100) - 1));

/** The task at a length. @param {any} scb @param {number} T */
export function exampleTask(scb, T) {
  return scb.task({ transition: TRANSITION, positions: places(T), weights: WEIGHTS, seqLen: T });
}

/** Parameters so far on the way from the uniform start to the truth, as rows. @param {any} task @param {number} v @param {number} a */
export function between(task, v, a) {
  const { N, T, transition, stationary, positions, weights } = task;
  const A = Array.from({ length: N }, (_, k) => {
    const column = new Float64Array(T).fill(1 / T + a * (0 - 1 / T));
    for (const [j, t] of positions[k].entries()) column[t] = 1 / T + a * (weights[k][j] - 1 / T);
    return column;
  });
  const V = Array.from({ length: N }, (_, n) =>
    Float64Array.from(transition[n], (p) => stationary[n] + v * (p - stationary[n])),
  );
  return { A, V };
}

/** The same in scbtools. @param {number} T @param {number} v @param {number} a */
export const examplePython = (T, v, a) => `import scbtools as scb

task = scb.SCBTask.from_sparse(
    transition=${JSON.stringify(TRANSITION)},
    positions=${JSON.stringify(places(T))},
    weights=${JSON.stringify(WEIGHTS)},
    seq_len=${T})
start, truth = scb.uniform_start(task), scb.true_params(task)
params = scb.Params(start.A + ${a} * (truth.A - start.A), start.V + ${v} * (truth.V - start.V))
`;
