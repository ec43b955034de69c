import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { joined, partsOf } from "./complex.js";
import { type DataKernel, dataKernel, type KernelCall } from "./kernel.js";

const complexAbs = dataKernel(tf.ComplexAbs, ({ backend, graph, inputs }) => {
  const [real, imaginary] = partsOf(backend, inputs.x!).map((part) => graph.unary("Abs", part)) as [
    LazyValue,
    LazyValue,
  ];
  // Scaled by the larger part, neither square leaves the range of floats.
  const [larger, smaller] = [graph.binary("Max", real, imaginary), graph.binary("Min", real, imaginary)];
  const ratio = graph.div(smaller, larger);
  const length = graph.mul(larger, graph.unary("Sqrt", graph.affine(graph.mul(ratio, ratio), 1, 1)));
  return backend.adopt(graph.where(hasNoRatio(graph, larger), larger, length));
});

export const fourierKernels: readonly DataKernel[] = [
  dataKernel(tf.FFT, (call) => transform(call, false)),
  dataKernel(tf.IFFT, (call) => transform(call, true)),
  complexAbs,
];

/** The discrete Fourier transform over the last axis; in doubles, for ONNX Runtime's loses digits with the length. */
function transform({ backend, graph, inputs }: KernelCall<undefined>, inverse: boolean): tf.TensorInfo | null {
  const info = inputs.input!;
  const length = info.shape[info.shape.length - 1]!;
  const size = tf.util.sizeFromShape(info.shape);
  if (size === 0) {
    return null;
  }
  const rows = size / length;
  const pairs = graph.concat(
    partsOf(backend, info).map((part) => graph.cast(graph.reshape(part, [rows, length, 1]), "float64")),
    2,
  );
  const transformed = graph.node("DFT", [pairs, null, graph.scalar("int64", 1)], "float64", [rows, length, 2], {
    attributes: { inverse: inverse ? 1 : 0 },
  });
  const [real, imaginary] = graph
    .split(transformed, [1, 1], 2)
    .map((part) => graph.reshape(graph.cast(part, "float32"), info.shape)) as [LazyValue, LazyValue];
  return joined(backend, real, imaginary);
}

function hasNoRatio(graph: GraphBuilder, larger: LazyValue): LazyValue {
  const zero = graph.binary("Equal", larger, graph.scalar("float32", 0), "bool");
  return graph.binary("Or", zero, graph.node("IsInf", [larger], "bool", larger.shape), "bool");
}
