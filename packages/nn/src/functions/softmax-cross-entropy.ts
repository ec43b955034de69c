import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
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
  return customGradient([logits], {
    forward(logits) {
      const [value, probabilities] = forward(logits, labels);
      return { value, saved: [probabilities, labels] };
    },
    gradient: (dy, [probabilities, labels]) => [gradient(dy, probabilities, labels)],
  });
}

function forward(logits: tf.Tensor, labels: tf.Tensor): [loss: tf.Tensor1D, probabilities: tf.Tensor] {
  const fused = runFusedKernel("MmgenSoftmaxCrossEntropy", { logits, labels });
  if (fused) {
    return fused as [tf.Tensor1D, tf.Tensor];
  }
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const powers = tf.exp(shifted);
  const sum = tf.sum(powers, 1, true); // [rows, 1]
  const atLabel = tf.sum(tf.mul(shifted, oneHot(labels, logits.shape[1]!)), 1);
  const loss = tf.sub<tf.Tensor1D>(tf.reshape(tf.log(sum), [-1]), atLabel);
  return [loss, tf.div(powers, sum)];
}

function gradient(dy: tf.Tensor, probabilities: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const fused = runFusedKernel("MmgenSoftmaxCrossEntropyGrad", { dy, probabilities, labels });
  if (fused) {
    return fused[0]!;
  }
  const error = tf.sub(probabilities, oneHot(labels, probabilities.shape[1]!));
  return tf.mul(error, tf.reshape(dy, [-1, 1]));
}
