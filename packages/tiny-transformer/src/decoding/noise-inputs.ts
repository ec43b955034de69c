import { type DecodePlan, gumbelNoise } from "@mmgen/core";
import { runFusedKernel, uploadOwned } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/**
 * Draws standard Gumbel noise where the backend computes, the same as `gumbelNoise` of `@mmgen/core`.
 *
 * @param seeds - `[rows]`, int32, the bits of the rows' seeds; borrowed.
 * @param positions - `[steps]`, int32; borrowed.
 * @returns `[steps, rows, vocabularySize]`; yours to dispose. `undefined` where the backend has no kernel for it.
 */
export function drawnNoise(seeds: tf.Tensor, positions: tf.Tensor, vocabularySize: number): tf.Tensor | undefined {
  return runFusedKernel("MmgenGumbelNoise", { seeds, positions }, { vocabularySize })?.[0];
}

/** Steps of a plan, whose noise is wanted. */
export interface NoiseSteps {
  readonly first: number;
  readonly count: number;
}

/**
 * Uploads what a graph reads the noise of some steps from.
 *
 * @param noise - Of all steps, `[steps, rows, vocabularySize]`, given up by the caller; absent where the graph draws it.
 * @returns The noise of these steps; or for `drawnNoise` the rows' seeds and the steps' positions. Yours to dispose.
 */
export function uploadNoise(
  { prompt, seeds }: DecodePlan,
  { first, count }: NoiseSteps,
  vocabularySize: number,
  noise: Float32Array | undefined,
): tf.Tensor[] {
  if (noise === undefined) {
    const start = prompt.length + first;
    return [tf.tensor1d(Int32Array.from(seeds), "int32"), tf.range(start, start + count, 1, "int32")];
  }
  const size = prompt.count * vocabularySize;
  const ofSteps = noise.subarray(first * size, (first + count) * size);
  return [uploadOwned(ofSteps, [count, prompt.count, vocabularySize], "float32")];
}

/** Writes standard Gumbel noise by step, row and id; nothing at temperature 0, where it is not read. */
export function writeNoise(
  { prompt, seeds, steps, temperature }: DecodePlan,
  vocabularySize: number,
  noise: Float32Array,
): Float32Array {
  for (let step = 0; step < steps && temperature > 0; step++) {
    for (let row = 0; row < prompt.count; row++) {
      const start = (step * prompt.count + row) * vocabularySize;
      gumbelNoise(seeds[row]!, prompt.length + step, vocabularySize, noise.subarray(start, start + vocabularySize));
    }
  }
  return noise;
}
