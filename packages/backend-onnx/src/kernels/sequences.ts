import * as tf from "@tensorflow/tfjs-core";
import { elementTypeOf, hostArray } from "../runtime/element-type.js";
import { type DataKernel, dataKernel } from "./kernel.js";

// Both depend on no tensor: their values are fed, so that other values reuse the compiled graph.

const range = dataKernel<tf.RangeAttrs>(tf.Range, ({ backend, attrs }) => {
  const { start, stop, dtype } = attrs;
  const type = elementTypeOf(dtype);
  if (type === undefined) {
    return undefined;
  }
  // tfjs negates the default step if stop < start, and returns nothing for other steps of the wrong sign.
  const step = stop < start && attrs.step === 1 ? -1 : attrs.step;
  const empty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
  const values = hostArray(type, empty ? 0 : Math.abs(Math.ceil((stop - start) / step))) as Float32Array;
  return backend.writeOwned(accumulated(values, start, step), [values.length], dtype);
});

const linSpace = dataKernel<tf.LinSpaceAttrs>(tf.LinSpace, ({ backend, attrs }) => {
  const { start, stop, num } = attrs;
  const values = accumulated(new Float32Array(num), start, (stop - start) / (num - 1));
  return backend.writeOwned(values, [num], "float32");
});

export const sequenceKernels: readonly DataKernel[] = [range, linSpace];

/** Adds `step` to the stored previous number, which rounds as tfjs does. */
function accumulated(values: Float32Array, start: number, step: number): Float32Array {
  values.forEach((_, i) => {
    values[i] = i === 0 ? start : values[i - 1]! + step;
  });
  return values;
}
