import { bitsPerPixel, evaluateSequences, type SequenceMetrics } from "@mmgen/evaluation";
import type { MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
import { evaluateLoss } from "@mmgen/training";
import type { SequenceModels } from "../model/model-parts.js";
import { type CodedPairs, orderedExamples, orderedSequences } from "../stages/training-examples.js";

/** Likelihood of pairs written in one order. */
export interface OrderLikelihood extends Pick<SequenceMetrics, "natsPerId" | "natsPerSequence" | "byModality"> {
  /** Nats of the image codes in bits over the image's pixels; given the caption, where the text comes first. */
  readonly bitsPerPixel: number;
  /** Mean nats of each predicted id, from the second of a sequence on; NaN where only padding is. */
  readonly byPosition: readonly number[];
}

/** Likelihood of pairs: the mean of both orders, and each order's; where a layout has one order, it stands for both. */
export interface PairLikelihood {
  /** Mean nats per predicted id. */
  readonly natsPerId: number;
  /** Mean nats per pair. */
  readonly natsPerSequence: number;
  readonly bitsPerPixel: number;
  readonly byOrder: Readonly<Record<Order, OrderLikelihood>>;
}

/** Options of {@link scorePairs} and {@link heldOutMetrics}. */
export interface ScoreOptions {
  /** Sequences at once; of the family `diffusion` corrupted ones, several of a pair. Default 100. */
  readonly batchSize?: number | undefined;
  /** Stops between batches with an `AbortedError`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link scorePairs} scores. */
export interface ScoredPairs extends CodedPairs {
  /** Pixels of an image, for bits per pixel. */
  readonly pixels: number;
}

/**
 * Negative log-likelihood of pairs in both orders, in nats: in all, by modality and by position.
 *
 * @throws a `DataError` when there is no pair; a `VocabularyError` or `GrammarError` for a caption of unknown words.
 */
export async function scorePairs(
  models: SequenceModels,
  pairs: ScoredPairs,
  options: ScoreOptions = {},
): Promise<PairLikelihood> {
  const [textFirst, imageFirst] = await forOrders(models, async (order) =>
    likelihoodOf(await orderMetrics(models, pairs, { ...options, order }), pairs.pixels),
  );
  return {
    natsPerId: (textFirst.natsPerId + imageFirst.natsPerId) / 2,
    natsPerSequence: (textFirst.natsPerSequence + imageFirst.natsPerSequence) / 2,
    bitsPerPixel: (textFirst.bitsPerPixel + imageFirst.bitsPerPixel) / 2,
    byOrder: { "text-first": textFirst, "image-first": imageFirst },
  };
}

/** Sequence metrics of pairs written in one order; padding does not count. Throws as {@link scorePairs}. */
export function orderMetrics(
  { tokenizer, transformer }: SequenceModels,
  pairs: CodedPairs,
  { batchSize = 100, order, signal }: ScoreOptions & { readonly order: Order },
): Promise<SequenceMetrics> {
  return evaluateSequences({
    ...{ model: transformer, batchSize, signal },
    sequences: orderedSequences(tokenizer, pairs, order),
    modalityOf: (id) => tokenizer.modality(id),
  });
}

function likelihoodOf(metrics: SequenceMetrics, pixels: number): OrderLikelihood {
  const { byModality, byPosition, natsPerId, natsPerSequence } = metrics;
  return {
    ...{ natsPerId, natsPerSequence, byModality },
    bitsPerPixel: bitsPerPixel(byModality.image!.natsPerSequence, pixels),
    byPosition: [...byPosition],
  };
}

/** Mean loss of held-out pairs, in nats: per predicted id in each order, the mean of both, and that of a whole pair. */
export interface HeldOutMetrics extends Readonly<Record<Order, number>> {
  readonly natsPerId: number;
  readonly natsPerSequence: number;
}

/**
 * Loss of held-out pairs in both orders, for an evaluation after each epoch.
 *
 * @throws an `AbortedError` when the signal fires.
 */
export async function heldOutMetrics(
  { tokenizer, transformer }: SequenceModels,
  pairs: CodedPairs,
  { batchSize = 100, signal }: ScoreOptions = {},
): Promise<HeldOutMetrics> {
  const lossOf = async (order: Order): Promise<number> => {
    const examples = orderedExamples(tokenizer, pairs, order);
    const { loss } = await evaluateLoss({ model: transformer, examples, batchSize, ...(signal && { signal }) });
    return loss!;
  };
  const [textFirst, imageFirst] = await forOrders({ tokenizer }, lossOf);
  const natsPerId = (textFirst + imageFirst) / 2;
  return {
    natsPerId,
    "text-first": textFirst,
    "image-first": imageFirst,
    natsPerSequence: natsPerId * countedTargets(tokenizer, pairs),
  };
}

/** A measure of sequences that put the text first, and of those that put the image first. */
async function forOrders<Result>(
  { tokenizer }: Pick<SequenceModels, "tokenizer">,
  measure: (order: Order) => Promise<Result>,
): Promise<[textFirst: Result, imageFirst: Result]> {
  const [first, second] = tokenizer.orders;
  const result = await measure(first!);
  return [result, second === undefined ? result : await measure(second)];
}

/** Targets of a pair that are no padding, as many in either order; their mean where captions differ in length. */
function countedTargets(tokenizer: MultimodalTokenizer, pairs: CodedPairs): number {
  const { targets, weights } = orderedSequences(tokenizer, pairs, "text-first");
  const counted = weights === undefined ? targets.data.length : weights.filter((weight) => weight > 0).length;
  return counted / targets.count;
}
