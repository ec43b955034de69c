import { ShapeError } from "@mmgen/core";
import { type ConfigOf, fields, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import { type RowInput, RowSampler } from "./row-sampler.js";
import { type SamplingOptions, samplingConfig, samplingEntries } from "./sampling-options.js";

/** Options of {@link idProbabilities} and {@link sampleId}. */
export interface RowSamplingOptions extends SamplingOptions {
  /** Legal ids, ascending, at least one; absent: all. */
  readonly legal?: ArrayLike<number> | undefined;
  /** Ids that are already in the row, for the repetition penalty. Default: none. */
  readonly seen?: ArrayLike<number> | undefined;
}

/**
 * Computes the exact probability with which each id is drawn from one row of logits under these options.
 *
 * @param logits - `[vocabularySize]`; borrowed.
 * @returns Probabilities, `[vocabularySize]`, summing to 1; yours.
 * @throws a `ConfigError` when an option is unknown or out of range; a {@link ShapeError} when legal or seen ids are
 *   outside the vocabulary, or legal ids are not ascending or are none.
 */
export function idProbabilities(logits: Float32Array, options: RowSamplingOptions = {}): Float64Array {
  const { sampler, input } = oneRow(logits, resolveOptions(rowSchema, options));
  return sampler.probabilities(input, new Float64Array(logits.length));
}

/**
 * Draws one id from one row of logits, as `generate` does with this seed and position. For custom generation
 * loops.
 *
 * @param logits - `[vocabularySize]`; borrowed.
 * @throws a `ConfigError` or {@link ShapeError}, as {@link idProbabilities} does.
 */
export function sampleId(
  logits: Float32Array,
  options: RowSamplingOptions & { readonly seed: number; readonly position: number },
): number {
  const { seed, position, ...row } = resolveOptions(drawSchema, options);
  const { sampler, input } = oneRow(logits, row);
  return sampler.choose(input, seed, position);
}

const ids = optional(
  value<ArrayLike<number>>(
    "a list of ids",
    (list) => typeof list === "object" && list !== null && Number.isSafeInteger((list as { length?: unknown }).length),
  ),
);
const rowEntries = { ...samplingEntries, legal: ids, seen: ids };
const rowSchema = fields(rowEntries);
const drawSchema = fields({ ...rowEntries, seed: wholeNumber(), position: wholeNumber({ min: 0 }) });

function oneRow(logits: Float32Array, options: ConfigOf<typeof rowSchema>): { sampler: RowSampler; input: RowInput } {
  const legal = Int32Array.from(options.legal ?? Array.from(logits.keys()));
  const seen = new Uint8Array(logits.length);
  for (const ids of [legal, Int32Array.from(options.seen ?? [])]) {
    const wrong = ids.find((id, i) => id < 0 || id >= logits.length || (ids === legal && i > 0 && id <= ids[i - 1]!));
    if (wrong !== undefined) {
      throw new ShapeError(`Expected ids within [0, ${logits.length}) and legal ids in ascending order, got ${wrong}.`);
    }
  }
  for (const id of Int32Array.from(options.seen ?? [])) {
    seen[id] = 1;
  }
  if (legal.length === 0) {
    throw new ShapeError("legal: expected at least one id, got none.");
  }
  const sampler = new RowSampler(samplingConfig(options, logits.length), logits.length);
  return { sampler, input: { logits, offset: 0, legal, seen } };
}
