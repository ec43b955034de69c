import * as tf from "@tensorflow/tfjs-core";

/**
 * Runs `compute` so that no gradient is recorded: its results are constants to every tape.
 *
 * For what has no gradient and would cost one, as the nearest codebook row of a latent: nothing that is computed here is
 * kept for the backward pass. Also the plain "stop gradient" of a value.
 *
 * @param compute - Borrows what it closes over; what it makes and does not return is disposed.
 * @returns What `compute` returned; yours to dispose, or the surrounding `tf.tidy`'s.
 */
export function noGrad<T extends readonly tf.Tensor[]>(compute: () => T): T {
  let leaked: readonly tf.Tensor[] = [];
  // A custom gradient without inputs: what runs inside is not taped, and its output depends on no variable.
  const token = tf.customGrad(() => {
    leaked = compute().map((tensor) => tf.keep(tf.clone(tensor)));
    return { value: tf.clone(leaked[0]!), gradFunc: () => [] };
  })();
  token.dispose();
  const results = leaked.map((tensor) => tf.clone(tensor));
  for (const tensor of leaked) {
    tensor.dispose();
  }
  return results as unknown as T;
}

/** The same values as `x`, through which no gradient flows. */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return noGrad(() => [x] as const)[0] as T;
}
