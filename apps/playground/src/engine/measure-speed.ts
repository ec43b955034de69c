import * as tf from "@tensorflow/tfjs-core";

const side = 128;
/** Products of one measurement, one after the other. */
const products = 16;
const milliseconds = 40;

/** Times chains of matrix products on the active backend: billions of multiplications and additions a second. */
export async function measureSpeed(): Promise<number> {
  const matrix = tf.fill([side, side], 1 / side);
  const run = async () => {
    const product = tf.tidy(() => {
      let x: tf.Tensor = matrix;
      for (let i = 0; i < products; i++) {
        x = tf.matMul(x, matrix);
      }
      return tf.sum(x);
    });
    await product.data();
    product.dispose();
  };
  try {
    // The first ones compile.
    await run();
    await run();
    const start = performance.now();
    let runs = 0;
    do {
      await run();
      runs++;
    } while (performance.now() - start < milliseconds);
    return (2 * products * side ** 3 * runs) / (performance.now() - start) / 1e6;
  } finally {
    matrix.dispose();
  }
}
