import {
  ConfigError,
  checkTokenBatch,
  type Denoiser,
  type LegalRanges,
  type Random,
  type TokenBatch,
} from "@mmgen/core";
import { fields, optional, resolveOptions, seededRandom, typedArray, value, wholeNumber } from "@mmgen/core/options";
import { throwIfAborted } from "../autoregressive/logits-source.js";
import { readLogits } from "../guidance/read-logits.js";
import { noisedDraws, startDivergence } from "./bound-terms.js";
import { checkOriginal, checkRanges, legalEntry, spreadFlags, wholeVocabulary } from "./code-positions.js";
import { type KernelOptions, masksIds, resolveKernel } from "./kernels.js";

/** Options of {@link diffusionBound}. */
export interface DiffusionBoundOptions {
  readonly model: Denoiser;
  /** Original ids, `[rows, length]`; borrowed. */
  readonly ids: TokenBatch;
  /** What the model was trained with; kernel "chain" has no bound. */
  readonly kernel: KernelOptions;
  /** Seeds the corruptions, of each row by itself; forked, never drawn from. */
  readonly random: Random;
  /** `[length]`, or `[rows, length]`: 1 for codes, 0 for what is always known. Default: all are codes. */
  readonly corruptible?: Uint8Array | undefined;
  /** Legal ids at each position, over which probabilities are normalized. Default: all but the mask. */
  readonly legal?: LegalRanges | undefined;
  /** Id of masked positions. Required by kernels that mask codes. Default: none. */
  readonly maskId?: number | undefined;
  /** Corruptions of each row, spread evenly over the times. Default: 16. */
  readonly draws?: number | undefined;
  /** Corrupted rows that the model sees at once. Default: 64. */
  readonly batchSize?: number | undefined;
  /** Aborts with an `AbortedError` after the current batch. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const isObject = (candidate: unknown) => typeof candidate === "object" && candidate !== null;
const boundSchema = fields({
  model: value<Denoiser>("a model with logits and vocabularySize", (model) => {
    const { logits, vocabularySize } = (model ?? {}) as Partial<Denoiser>;
    return typeof logits === "function" && Number.isSafeInteger(vocabularySize);
  }),
  ids: value<TokenBatch>("a batch of ids", isObject),
  kernel: value<KernelOptions>('a kernel, such as { type: "absorbing" }', isObject),
  random: seededRandom(),
  corruptible: optional(typedArray<Uint8Array>("Uint8Array")),
  legal: legalEntry,
  maskId: optional(wholeNumber({ min: 0 })),
  draws: optional(wholeNumber({ min: 1 }), 16),
  batchSize: optional(wholeNumber({ min: 1 }), 64),
  signal: optional(
    value<AbortSignal>(
      "an AbortSignal",
      (signal) => typeof (signal as Partial<AbortSignal> | null)?.aborted === "boolean",
    ),
  ),
});

/**
 * Estimates an upper bound of each row's negative log-likelihood, in nats: of its codes, given what is known.
 *
 * The estimate is unbiased: its mean over corruptions is the bound. For masked codes a draw masks m of n codes, m spread
 * evenly over 1 … n, and counts Σ −log p · n / m: the mean of Σ −log p / t over times t, with less variance. For kernels
 * with steps it is the sum over the steps of the divergence of posteriors, and the divergence of the last state from the
 * start of the sampler.
 *
 * @returns Nats, `[rows]`; yours.
 * @throws a {@link ConfigError} when an option is unknown, missing or out of range; a `ShapeError` or `DataError` when ids
 *   and ranges do not fit each other; `AbortedError` when the signal is aborted.
 * @see Sahoo et al. 2024, eq. 10, https://arxiv.org/abs/2406.07524; Austin et al. 2021, eq. 1,
 *   https://arxiv.org/abs/2107.03006
 */
export async function diffusionBound(options: DiffusionBoundOptions): Promise<Float64Array> {
  const resolved = resolveOptions(boundSchema, options);
  const { model, ids, random, maskId, draws, batchSize, signal } = resolved;
  const kernel = resolveKernel(resolved.kernel);
  const { vocabularySize } = model;
  checkTokenBatch(ids, vocabularySize);
  if (kernel.type === "chain") {
    throw new ConfigError('kernel: expected one with a bound of the likelihood, got "chain".');
  }
  if (masksIds(kernel) && !(maskId !== undefined && maskId < vocabularySize)) {
    throw new ConfigError(`maskId: expected an id of the vocabulary [0, ${vocabularySize}), got ${maskId}.`);
  }
  const open = spreadFlags("corruptible", resolved.corruptible, ids, 1);
  const legal = resolved.legal ?? wholeVocabulary(ids.length, { maskId, vocabularySize });
  checkRanges(legal, { open, length: ids.length, maskId, vocabularySize });
  checkOriginal(ids, { open, legal });
  const nats = new Float64Array(ids.count);
  const settings = { ids, open, legal, maskId: maskId ?? -1, kernel, draws, random };
  for (let row = 0; row < ids.count; row++) {
    nats[row] = startDivergence(row, settings);
  }
  for (const batch of batches(noisedDraws(settings), batchSize)) {
    throwIfAborted(signal);
    const data = new Int32Array(batch.length * ids.length);
    batch.forEach((draw, i) => {
      data.set(draw.ids, i * ids.length);
    });
    const logits = await readLogits(model, { data, count: batch.length, length: ids.length });
    const size = ids.length * vocabularySize;
    batch.forEach((draw, i) => {
      nats[draw.row]! += draw.nats(logits.subarray(i * size, (i + 1) * size)) / draws;
    });
  }
  return nats;
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}
