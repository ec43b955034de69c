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

/**
 * Uploads what a graph reads the noise of a plan's steps from.
 *
 * @param noise - `[steps, rows, vocabularySize]`, given up by the caller; absent where the graph draws it.
 * @returns The noise; or for {@link drawnNoise} the rows' seeds and the steps' positions. Yours to dispose.
 */
export function uploadNoise(
  { prompt, seeds, steps }: DecodePlan,
  vocabularySize: number,
  noise: Float32Array | undefined,
): tf.Tensor[] {
  return noise === undefined
    ? [tf.tensor1d(Int32Array.from(seeds), "int32"), tf.range(prompt.length, prompt.length + steps, 1, "int32")]
    : [uploadOwned(noise, [steps, prompt.count, vocabularySize], "float32")];
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
