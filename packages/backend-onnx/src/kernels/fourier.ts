import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { joined, partsOf } from "./complex.js";
import { type DataKernel, dataKernel, type KernelCall } from "./kernel.js";

export const fourierKernels: readonly DataKernel[] = [
  dataKernel(tf.FFT, (call) => transform(call, false)),
  dataKernel(tf.IFFT, (call) => transform(call, true)),
];

/** The discrete Fourier transform over the last axis; in doubles, because ONNX Runtime's float DFT loses digits with the length. */
function transform({ backend, graph, inputs }: KernelCall<undefined>, inverse: boolean): tf.TensorInfo | undefined {
  const info = inputs.input!;
  const length = info.shape[info.shape.length - 1]!;
  const size = tf.util.sizeFromShape(info.shape);
  if (size === 0) {
    return undefined;
  }
  const rows = size / length;
  const pairs = graph.concat(
    partsOf(backend, info).map((part) => graph.cast(graph.reshape(part, [rows, length, 1]), "float64")),
    2,
  );
  const transformed = graph.node("DFT", [pairs, undefined, graph.scalar("int64", 1)], "float64", [rows, length, 2], {
    attributes: { inverse: inverse ? 1 : 0 },
  });
  const [real, imaginary] = graph
    .split(transformed, [1, 1], 2)
    .map((part) => graph.reshape(graph.cast(part, "float32"), info.shape)) as [LazyValue, LazyValue];
  return joined(backend, real, imaginary);
}
