import * as tf from "@tensorflow/tfjs-core";
import { expectInt32, expectShape } from "./expect-shape.js";
import { runFusedKernel } from "./fused-kernel.js";
import { oneHot } from "./one-hot.js";

/**
 * Negative log-likelihood of each row's label under `softmax(logits)`, in nats; closed-form gradient.
 *
 * @param logits - `[rows, classes]`, float32; borrowed.
 * @param labels - `[rows]`, int32, each in `[0, classes)`; borrowed. Check them on the host: a backend may not.
 * @returns one loss a row, `[rows]`; yours to dispose.
 * @throws a `ShapeError` when the shapes do not fit or the labels are not int32.
 */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor1D {
  expectShape("softmaxCrossEntropy: logits", logits, ["rows", "classes"]);
  expectShape("softmaxCrossEntropy: labels", labels, [logits.shape[0]!]);
  expectInt32("softmaxCrossEntropy: labels", labels);
  const run = tf.customGrad((...args) => {
    const logits = args[0] as tf.Tensor2D;
    const save = args[1] as tf.GradSaveFunc;
    const [value, probabilities] = forward(logits, labels as tf.Tensor1D);
    save([probabilities, labels]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      gradient(dy, saved[0] as tf.Tensor2D, saved[1] as tf.Tensor1D);
    return { value, gradFunc };
  });
  return run(logits) as tf.Tensor1D;
}

function forward(logits: tf.Tensor2D, labels: tf.Tensor1D): [loss: tf.Tensor, probabilities: tf.Tensor] {
  const fused = runFusedKernel("MmgenSoftmaxCrossEntropy", { logits, labels });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor];
  }
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const powers = tf.exp(shifted);
  const sum = tf.sum(powers, 1, true); // [rows, 1]
  const atLabel = tf.sum(tf.mul(shifted, oneHot(labels, logits.shape[1])), 1);
  const loss = tf.sub(tf.reshape(tf.log(sum), [-1]), atLabel);
  return [loss, tf.div(powers, sum)];
}

function gradient(dy: tf.Tensor, probabilities: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  const fused = runFusedKernel("MmgenSoftmaxCrossEntropyGrad", { dy, probabilities, labels });
  if (fused) {
    return fused[0]!;
  }
  const error = tf.sub(probabilities, oneHot(labels, probabilities.shape[1]));
  return tf.mul(error, tf.reshape(dy, [-1, 1]));
}
