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
  return graph.node("LogSoftmax", [logits], logits.type, logits.shape, { attributes: { axis } });
});

export const softmaxKernels: readonly NativeKernel[] = [softmax, logSoftmax];
