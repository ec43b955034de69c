import * as tf from "@tensorflow/tfjs-core";
import { kernel, type NativeKernel } from "./kernel.js";

const softmax = kernel<tf.SoftmaxAttrs>(tf.Softmax, ({ input, attrs, graph }) => {
  const logits = graph.cast(input("logits"), "float32");
  const axis = attrs.dim === -1 ? logits.shape.length - 1 : attrs.dim;
  return graph.node("Softmax", [logits], logits.type, logits.shape, { attributes: { axis } });
});

const logSoftmax = kernel<tf.LogSoftmaxAttrs>(tf.LogSoftmax, ({ input, attrs, graph }) => {
  const logits = graph.cast(input("logits"), "float32");
  const axis = attrs.axis < 0 ? logits.shape.length + attrs.axis : attrs.axis;
  return graph.logSoftmax(logits, axis);
});

/** `loss[i] = -log softmax(logits[i])[labels[i]]`, and the probabilities, which its gradient needs. */
const softmaxCrossEntropy = kernel("MmgenSoftmaxCrossEntropy", ({ input, graph }) => {
  const [logits, labels] = [input("logits"), input("labels")];
  const [rows] = logits.shape as [number, number];
  const attributes = { axis: 1 };
  const logProbabilities = graph.logSoftmax(logits, 1);
  const probabilities = graph.unary("Exp", logProbabilities);
  const column = graph.reshape(labels, [rows, 1]);
  const chosen = graph.node("GatherElements", [logProbabilities, column], logits.type, [rows, 1], { attributes });
  return [graph.unary("Neg", graph.reshape(chosen, [rows])), probabilities];
});

/** `dLogits[i] = dy[i] · (probabilities[i] - oneHot(labels[i]))`. */
const softmaxCrossEntropyGrad = kernel("MmgenSoftmaxCrossEntropyGrad", ({ input, graph }) => {
  const [dy, probabilities, labels] = [input("dy"), input("probabilities"), input("labels")];
  const [rows] = probabilities.shape as [number, number];
  const column = graph.reshape(labels, [rows, 1]);
  const minusOnes = graph.fill(probabilities.type, [rows, 1], -1);
  const difference = graph.node(
    "ScatterElements",
    [probabilities, column, minusOnes],
    probabilities.type,
    probabilities.shape,
    { attributes: { axis: 1, reduction: "add" } },
  );
  return graph.mul(difference, graph.reshape(dy, [rows, 1]));
});

export const softmaxKernels: readonly NativeKernel[] = [
  softmax,
  logSoftmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
];
