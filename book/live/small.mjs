// Small tasks of figures: three tokens, each attending to two positions, equally.

import { variance } from "./chance.mjs";

const TRANSITIONS = {
  even: [[0.05, 0.85, 0.1], [0.1, 0.05, 0.85], [0.85, 0.1, 0.05]],
  random: [[0, 0.2, 1], [0.7, 0.1, 0], [0.3, 0.7, 0]],
  skewed: [[0.9, 0.1, 0.1], [0.1, 0.8, 0], [0, 0.1, 0.9]],
}; // prettier-ignore
const WEIGHTS = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]; // prettier-ignore

/** @typedef {keyof TRANSITIONS} Kind */

/** Learning rates of a base rate, as the library's recipes have them. @param {any} task @param {number} eta */
export const rates = ({ K_P, K_Q }, eta) => ({ etaA: eta / K_P, etaV: eta / K_Q });

/** Rows as Python writes them. @param {any} rows */
export const inText = (rows) => JSON.stringify(rows).replaceAll(",", ", ");

/** Attended positions, somewhere. @param {number} T */
const positions = (T) => [[0, T / 2], [T / 4, T - 1], [Math.floor(T / 3), T - 2]]; // prettier-ignore

/** A task whose tokens are equally frequent, nearly so, or in shares of 1/2, 1/4, 1/4. @param {any} scb @param {Kind} kind @param {number} T */
export function smallTask(scb, kind, T) {
  const [transition, where] = [TRANSITIONS[kind], positions(T)];
  return scb.task({ transition, positions: where, weights: WEIGHTS, seqLen: T });
}

/** The same in scbtools. @param {Kind} kind @param {number} T */
export function inPython(kind, T) {
  const [P, where, weights] = [TRANSITIONS[kind], positions(T), WEIGHTS].map(inText);
  return `SCBTask.from_sparse(
    ${P},
    ${where}, ${weights}, ${T})`;
}

/** The two sizes of noise in Stage 1 of a bigram, and K_P. @param {any} task */
export function noise({ transition: P, stationary: mu, K_P }) {
  const across = [0, 1, 2];
  const square = across.reduce((sum, m) => sum + mu[m] ** 2, 0);
  const b = across.map((n) =>
    across.reduce((sum, m) => sum + (P[n][m] * mu[m] ** 2) / square, -mu[n]),
  );
  const nu2 = across.reduce(
    (sum, m) => sum + mu[m] * variance(across.map((n) => P[n][m] - mu[n]), mu), 0); // prettier-ignore
  const floor = variance(b, mu);
  return { K_P, nu2, floor: floor > 1e-12 ? floor : 0 }; // even tokens have none, up to rounding
}
