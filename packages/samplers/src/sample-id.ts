import { ShapeError } from "@mmgen/core";
import { type RowInput, RowSampler } from "./row-sampler.js";
import { type SamplingOptions, samplingSettings } from "./sampling-options.js";

/** Options of {@link idProbabilities}. */
export interface RowSamplingOptions extends SamplingOptions {
  /** Legal ids, ascending, at least one; absent: all. */
  readonly legal?: ArrayLike<number> | undefined;
  /** Ids that the row has seen, for the repetition penalty. */
  readonly seen?: ArrayLike<number> | undefined;
}

/**
 * Every id's exact probability of being drawn from these logits under these options.
 *
 * @param logits - `[vocabularySize]`; borrowed.
 * @returns `[vocabularySize]`, summing to 1.
 */
export function idProbabilities(logits: Float32Array, options: RowSamplingOptions = {}): Float64Array {
  const { sampler, input } = oneRow(logits, options);
  return sampler.probabilities(input, new Float64Array(logits.length));
}

/**
 * Draws one id from one row of logits, as {@link generate} does at this seed and position; for loops of your own.
 *
 * @param logits - `[vocabularySize]`; borrowed.
 */
export function sampleId(
  logits: Float32Array,
  options: RowSamplingOptions & { readonly seed: number; readonly position: number },
): number {
  const { sampler, input } = oneRow(logits, options);
  return sampler.choose(input, options.seed, options.position);
}

function oneRow(logits: Float32Array, options: RowSamplingOptions): { sampler: RowSampler; input: RowInput } {
  const legal = Int32Array.from(options.legal ?? Array.from(logits.keys()));
  const seen = new Uint8Array(logits.length);
  for (const ids of [legal, Int32Array.from(options.seen ?? [])]) {
    const wrong = ids.find((id, i) => id < 0 || id >= logits.length || (ids === legal && i > 0 && id <= ids[i - 1]!));
    if (wrong !== undefined) {
      throw new ShapeError(`Expected ids within [0, ${logits.length}), the legal ones ascending, got ${wrong}.`);
    }
  }
  for (const id of Int32Array.from(options.seen ?? [])) {
    seen[id] = 1;
  }
  if (legal.length === 0) {
    throw new ShapeError("Expected at least one legal id, got none.");
  }
  const sampler = new RowSampler(samplingSettings(options, logits.length), logits.length);
  return { sampler, input: { logits, offset: 0, legal, seen } };
}
