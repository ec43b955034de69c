import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { type DataKernel, dataKernel } from "./kernel.js";

const complex = dataKernel(tf.Complex, ({ backend, inputs }) => backend.joinComplex(inputs.real!, inputs.imag!));
const real = dataKernel(tf.Real, ({ backend, inputs }) => {
  const input = inputs.input!;
  return input.dtype === "complex64" ? backend.share(backend.complexParts(input).real, input.shape) : undefined;
});
const imag = dataKernel(tf.Imag, ({ backend, inputs }) => {
  const input = inputs.input!;
  return input.dtype === "complex64" ? backend.share(backend.complexParts(input).imag, input.shape) : undefined;
});

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

export const complexKernels: readonly DataKernel[] = [complex, real, imag, complexAbs];

/** The recorded real and imaginary part of a complex tensor, in its shape. */
export function partsOf(backend: RecordingBackend, info: tf.TensorInfo): [LazyValue, LazyValue] {
  const { real, imag } = backend.complexParts(info);
  return [backend.value({ ...real, shape: info.shape }), backend.value({ ...imag, shape: info.shape })];
}

/** Creates a complex tensor of two recorded float32 values. */
export function joined(backend: RecordingBackend, real: LazyValue, imaginary: LazyValue): tf.TensorInfo {
  const parts = [backend.adopt(real), backend.adopt(imaginary)] as const;
  const info = backend.joinComplex(...parts);
  for (const { dataId } of parts) {
    backend.disposeData(dataId);
  }
  return info;
}

function hasNoRatio(graph: GraphBuilder, larger: LazyValue): LazyValue {
  const zero = graph.binary("Equal", larger, graph.scalar("float32", 0), "bool");
  return graph.or(zero, graph.isInfinite(larger));
}
