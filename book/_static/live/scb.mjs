export async function load(bytes) {
  return { signalStep(v, a, eta, K, T) { const miss = 1 - a * v; const drift = (eta / K) * (1 - v) / T; return [v + eta * miss * a + drift, a + eta * miss * v]; } };
}
