import * as tf from "@tensorflow/tfjs-core";

/**
 * max(x, 0), whose gradient is taken from the output: a comparison, a cast and a product, where tfjs computes a step
 * function of the input besides, and keeps it.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose. The gradient at 0 is 0.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const save = args[1] as tf.GradSaveFunc;
    const value = tf.relu(args[0] as tf.Tensor);
    save([value]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.tidy(() => tf.mul(dy, tf.cast(tf.greater(saved[0]!, 0), "float32")));
    return { value, gradFunc };
  });
  return run(x) as T;
}
