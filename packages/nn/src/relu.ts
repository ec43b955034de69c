import * as tf from "@tensorflow/tfjs-core";

/**
 * max(x, 0), whose gradient is taken from the output: one comparison and one choice, against tfjs's step function,
 * cast and product, each over the whole tensor.
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
      tf.tidy(() => tf.where(tf.greater(saved[0]!, 0), dy, tf.zerosLike(dy)));
    return { value, gradFunc };
  });
  return run(x) as T;
}
