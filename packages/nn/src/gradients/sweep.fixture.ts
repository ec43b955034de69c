import * as tf from "@tensorflow/tfjs-core";
import { arrayPrograms } from "./array-programs.fixture.js";
import { elementwisePrograms } from "./elementwise-programs.fixture.js";
import { imagePrograms } from "./image-programs.fixture.js";
import { productPrograms } from "./product-programs.fixture.js";
import type { Program } from "./programs.fixture.js";

/** Every program of the sweep. */
export const sweepPrograms: readonly Program[] = [
  ...elementwisePrograms,
  ...arrayPrograms,
  ...productPrograms,
  ...imagePrograms,
];

/** Kernels that the sweep leaves out, by reason. */
export const excludedKernels: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    "no function of tfjs-core runs it": [tf.BroadcastTo, tf.Pool, tf.MatrixBandPart],
    "tf.logSoftmax carries its gradient itself, and is swept as a function": [tf.LogSoftmax],
    "the function carries its gradient itself": [tf._FusedMatMul, tf.FusedConv2D, tf.FusedDepthwiseConv2D],
    "complex64: tfjs takes gradients of float32 only": [tf.Complex, tf.ComplexAbs, tf.Real, tf.Imag, tf.FFT, tf.IFFT],
    "a gradient itself: tfjs has no second-order gradient of it": [
      tf.AvgPoolGrad,
      tf.AvgPool3DGrad,
      tf.Conv2DBackpropFilter,
      tf.Conv3DBackpropFilterV2,
      tf.DepthwiseConv2dNativeBackpropFilter,
      tf.DepthwiseConv2dNativeBackpropInput,
      tf.Dilation2DBackpropFilter,
      tf.Dilation2DBackpropInput,
      tf.EluGrad,
      tf.LRNGrad,
      tf.MaxPoolGrad,
      tf.MaxPool3DGrad,
      tf.ResizeBilinearGrad,
      tf.ResizeNearestNeighborGrad,
    ],
    "no gradient in tfjs": [
      tf.CropAndResize,
      tf.Transform,
      tf.RotateWithOffset,
      tf.SparseSegmentMean,
      tf.SparseSegmentSum,
      tf.RaggedGather,
      tf.RaggedTensorToTensor,
      tf.Bincount,
      tf.DenseBincount,
    ],
    "no tensor to take a gradient of": [tf.Fill, tf.LinSpace, tf.Range, tf.FromPixels],
    "integers, strings or chance": [
      tf.BitwiseAnd,
      tf.BroadcastArgs,
      tf.Draw,
      tf.LogicalXor,
      tf.LowerBound,
      tf.Multinomial,
      tf.NonMaxSuppressionV3,
      tf.NonMaxSuppressionV4,
      tf.NonMaxSuppressionV5,
      tf.RaggedRange,
      tf.SearchSorted,
      tf.SparseFillEmptyRows,
      tf.SparseReshape,
      tf.StaticRegexReplace,
      tf.StringNGrams,
      tf.StringSplit,
      tf.StringToHashBucketFast,
      tf.Unique,
      tf.UpperBound,
    ],
  }).flatMap(([reason, kernels]) => kernels.map((kernel) => [kernel, reason])),
);

/** The names of tfjs-core's kernels, and of all kernels with a registered gradient. */
export function kernelNames(): { readonly all: Set<string>; readonly withGradient: Set<string> } {
  const exported = Object.entries(tf).flatMap(([name, value]) =>
    value === name || value === `_${name}` ? [value as string] : [],
  );
  // Where all copies of tfjs-core keep their one registry.
  const { _tfGlobals: globals } = globalThis as unknown as { _tfGlobals: Map<string, Map<string, tf.GradConfig>> };
  const withGradient = new Set(globals.get("gradRegistry")!.keys());
  return { all: new Set([...exported, ...withGradient]), withGradient };
}

/** The gradients of the program's result, its values weighted unequally, on the backend that is active. */
export function gradientsOf(program: Program, inputs: tf.Tensor[]): tf.Tensor[] {
  return tf.grads((...args) => {
    const result = program.run(...args);
    return tf.sum(tf.mul(result, tf.tensor(weights(result.size), result.shape)));
  })(inputs);
}

/**
 * Compares the gradients of a program with central differences, in every value of every input.
 *
 * The weighted sum of the differences is taken in doubles. A difference over 1/64 is then off by float32's rounding of
 * the result, 64 · 2⁻²⁴ of it, and by a 24 000th of the third derivative, both below 1e-4 for values near 1; wrong rules
 * are off by tenths. The tolerance of 2e-3 leaves room for the steeper programs.
 *
 * @returns What is wrong, a line for each value.
 */
export function compareWithDifferences(program: Program, tolerance = 2e-3): string[] {
  return tf.tidy(() => {
    const inputs = program.inputs();
    return gradientsOf(program, inputs).flatMap((gradient, at) =>
      [...gradient.dataSync()].flatMap((value, i) => {
        const expected = difference(program, inputs, at, i);
        const isClose = Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected));
        return isClose ? [] : [`${nameOf(program)}: input ${at}, value ${i}: ${value}, by differences ${expected}`];
      }),
    );
  });
}

/** The kernel and the case, for messages. */
export function nameOf({ kernel, name }: Program): string {
  return name === "" ? kernel : `${kernel} (${name})`;
}

function weights(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.cos(1 + i));
}

const step = 1 / 128;

function difference(program: Program, inputs: readonly tf.Tensor[], at: number, index: number): number {
  const [above, below] = [step, -step].map((offset) =>
    tf.tidy(() => {
      const moved = inputs[at]!.dataSync().slice() as Float32Array;
      moved[index]! += offset;
      const args = inputs.map((input, i) => (i === at ? tf.tensor(moved, input.shape) : input));
      // A copy: on cpu tf.tensorScatterUpdate writes into its input.
      return program
        .run(...args)
        .dataSync()
        .slice();
    }),
  ) as [Float32Array, Float32Array];
  const factors = weights(above.length);
  return factors.reduce((sum, factor, i) => sum + (factor * (above[i]! - below[i]!)) / (2 * step), 0);
}
