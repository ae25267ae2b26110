// What figures need of probability.

/** The chance that a standard Gaussian is above z, 1 - Phi(z), within 1e-15. @param {number} z */
export function tail(z) {
  if (Math.abs(z) > 8) return z > 0 ? 0 : 1;
  let term = z;
  let sum = z;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) sum += term *= (z * z) / odd;
  return 0.5 - (sum * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}

/** A share with its 95 % interval (Wilson's). @param {number} hits @param {number} trials */
export function share(hits, trials) {
  if (!trials) return { value: NaN, low: 0, high: 1 };
  const z = 1.959963984540054;
  const value = hits / trials;
  const middle = value + (z * z) / (2 * trials);
  const half = z * Math.sqrt((value * (1 - value) + (z * z) / (4 * trials)) / trials);
  const whole = 1 + (z * z) / trials;
  return { value, low: Math.max(0, (middle - half) / whole), high: (middle + half) / whole };
}

/** The variance of an entry that is drawn by weight. @param {ArrayLike<number>} values @param {ArrayLike<number>} weights */
export function variance(values, weights) {
  const mean = (/** @type {(x: number) => number} */ of) =>
    Array.from(values).reduce((sum, x, i) => sum + weights[i] * of(x), 0);
  return mean((x) => x * x) - mean((x) => x) ** 2;
}
