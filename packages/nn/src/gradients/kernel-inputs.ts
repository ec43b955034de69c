import * as tf from "@tensorflow/tfjs-core";
import { fromFront } from "./rule.js";

type KernelCall = Parameters<tf.KernelFunc>[0];

/** Marks a kernel that has been corrected, by whichever copy of this file. */
const mark = Symbol.for("mmgen.correctedInputs");

/**
 * Corrects what two of tfjs-core's functions hand to their kernels, without which no gradient could be right.
 *
 * - Running sums and products get their axis as it was given, and count a negative one wrongly on cpu and webgl.
 * - Batch norm without scale or offset gets `undefined` for a tensor, at which the tape of gradients throws.
 */
export function correctKernelInputs(backendName: string): void {
  for (const kernelName of [tf.Cumsum, tf.Cumprod]) {
    correct(kernelName, backendName, ({ attrs, ...rest }) => {
      const { axis } = attrs as unknown as tf.CumsumAttrs;
      const rank = rest.inputs.x!.shape.length;
      return { ...rest, attrs: { ...attrs, axis: fromFront(axis, rank) } };
    });
  }
  correct(tf.FusedBatchNorm, backendName, (call) => {
    // The tape keeps this very object.
    const inputs = call.inputs as Record<string, tf.TensorInfo | undefined>;
    for (const name of Object.keys(inputs).filter((key) => inputs[key] === undefined)) {
      delete inputs[name];
    }
    return call;
  });
}

function correct(kernelName: string, backendName: string, change: (call: KernelCall) => KernelCall): void {
  const kernel = tf.getKernel(kernelName, backendName);
  if (kernel === undefined || mark in kernel.kernelFunc) {
    return;
  }
  const kernelFunc: tf.KernelFunc = (call) => kernel.kernelFunc(change(call));
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...kernel, kernelFunc: Object.assign(kernelFunc, { [mark]: true }) });
}
