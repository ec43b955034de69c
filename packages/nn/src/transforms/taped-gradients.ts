import { MmgenError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { noGrad } from "./no-grad.js";

/**
 * Gradients inside a function whose own gradient is being taken: of a value by tensors that it was computed from, on what
 * has been recorded so far. What was computed once may serve several losses, each with its own list of tensors.
 *
 * The results are constants to the outer gradient: there are no second derivatives.
 *
 * @param value - A scalar that was computed in the function; borrowed.
 * @param by - Variables, or tensors that were computed or given in the function; borrowed.
 * @returns One for each of `by`, shaped as it; `undefined` where the value does not depend on it. They belong to the
 *   surrounding `tf.tidy`.
 * @throws a {@link MmgenError} outside such a function, as nothing is recorded there.
 */
export function tapedGradients(value: tf.Scalar, by: readonly tf.Tensor[]): (tf.Tensor | undefined)[] {
  const engine = tf.engine();
  if (engine.state.gradientDepth === 0) {
    throw new MmgenError(
      "tapedGradients: expected to be called inside a function whose gradient is being taken, such as that of tf.variableGrads.",
    );
  }
  return tf.tidy(() => {
    const { grads } = engine.gradients(() => value, [...by], undefined, true);
    const found = grads.filter((gradient) => gradient != null);
    const constants = found.length === 0 ? [] : noGrad(() => found);
    let next = 0;
    return grads.map((gradient) => (gradient == null ? undefined : constants[next++]!)) as tf.Tensor[];
  });
}
