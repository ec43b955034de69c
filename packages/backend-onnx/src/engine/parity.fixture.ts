// tfjs-core itself comes first: the copy that is loaded first owns the engine.
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";

import { expect } from "vitest";
import type { OnnxBackend } from "./onnx-backend.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

/** A result of a computation, read back. */
interface Outcome {
  readonly dtype: string;
  readonly shape: number[];
  readonly data: number[];
}

export interface ParityOptions {
  /** Maximum difference, relative to values above `absoluteBelow`. Default: a few units in the last place of float32. */
  readonly tolerance?: number;
  /** Magnitude below which the tolerance no longer shrinks with the values. Default: 1. */
  readonly absoluteBelow?: number;
  /** Kernels that may run in the fallback. Default: none. */
  readonly fallback?: readonly string[];
}

/** Computes on the cpu backend and on this one, and expects the same dtypes, shapes and values. */
export async function expectParity(
  compute: () => tf.Tensor | tf.Tensor[],
  { tolerance = 2e-6, absoluteBelow = 1, fallback = [] }: ParityOptions = {},
): Promise<void> {
  registerOnnxBackend();
  const expected = await outcomes("cpu", compute);
  await tf.setBackend("onnx");
  const backend = tf.backend() as OnnxBackend;
  const before = new Map(backend.fallback!.counts);
  const actual = await outcomes("onnx", compute);
  const fellBack = [...backend.fallback!.counts].filter(([name, count]) => count !== before.get(name));
  expect(fellBack.map(([name]) => name).filter((name) => !fallback.includes(name))).toEqual([]);
  expect(actual.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
    expected.map(({ dtype, shape }) => ({ dtype, shape })),
  );
  expected.forEach(({ data }, i) => {
    data.forEach((value, at) => {
      const found = actual[i]!.data[at]!;
      const close =
        Object.is(found, value) ||
        found === value ||
        Math.abs(found - value) <= tolerance * Math.max(absoluteBelow, Math.abs(value));
      if (!close) {
        expect.fail(`result ${i} at ${at}: expected ${value}, got ${found} (${actual[i]!.dtype}[${actual[i]!.shape}])`);
      }
    });
  });
}

async function outcomes(backend: string, compute: () => tf.Tensor | tf.Tensor[]): Promise<Outcome[]> {
  await tf.setBackend(backend);
  const tensors = [tf.tidy(compute)].flat();
  const result = await Promise.all(
    tensors.map(async (tensor) => ({
      dtype: tensor.dtype,
      shape: tensor.shape,
      data: [...((await tensor.data()) as Float32Array)].map(Number),
    })),
  );
  tf.dispose(tensors);
  return result;
}

/** Deterministic values between `low` and `high`, with no two neighbors alike. */
export function values(shape: readonly number[], low = -2, high = 2, seed = 1): Float32Array {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    const position = ((i + seed * 0.37) * 0.6180339887) % 1;
    return low + (high - low) * position;
  });
}

/** A float32 tensor of {@link values}. */
export function floats(shape: number[], low = -2, high = 2, seed = 1): tf.Tensor {
  return tf.tensor(values(shape, low, high, seed), shape);
}

/** An int32 tensor of {@link values}, truncated. */
export function integers(shape: number[], low = -7, high = 7, seed = 1): tf.Tensor {
  return tf.tensor(Int32Array.from(values(shape, low, high, seed)), shape, "int32");
}

/** A bool tensor. */
export function booleans(shape: number[], seed = 1): tf.Tensor {
  return tf.tensor(Uint8Array.from(values(shape, 0, 2, seed)), shape, "bool");
}
