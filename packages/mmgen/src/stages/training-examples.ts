import { type CodeBatch, ConfigError, checkNumber, type ExampleSource, Random, type TokenBatch } from "@mmgen/core";
import type { LossWeights, MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { tokenExamples } from "@mmgen/training";
import { checkFields } from "../model/check-arguments.js";

/** Images as codes and their captions, row by row. */
export interface CodedPairs {
  readonly codes: CodeBatch;
  /** One an image. */
  readonly captions: readonly string[];
}

/** Options of {@link mixedOrderExamples}. */
export interface MixedOrderOptions extends CodedPairs {
  readonly tokenizer: MultimodalTokenizer;
  /** Share of the sequences that put the text first, drawn anew each time a pair is seen. Default 0.5. */
  readonly textFirstShare?: number | undefined;
  /** The order of each pair, where it is fixed; nothing is drawn then. {@link drawOrders} draws it once for all. Default: none. */
  readonly orders?: readonly Order[] | undefined;
  /** Weights of targets in the loss, by modality and, as `prompt`, of what stands first. Default: 1 each. */
  readonly weights?: LossWeights | undefined;
  /**
   * Share of the sequences of a batch that lose what stands first, for classifier-free guidance. Needs a tokenizer with
   * `nullToken`. Default 0.
   */
  readonly conditionDropout?: number | undefined;
}

const mixedOrderFields = [
  ...["tokenizer", "codes", "captions"],
  ...["textFirstShare", "orders", "weights", "conditionDropout"],
] as const;

/**
 * Pairs as training sequences in both orders, so that one model learns to draw and to caption.
 *
 * Padding that ends every line of the layout `lines` is left out.
 *
 * @throws a `VocabularyError` or `GrammarError` for a caption that the tokenizer cannot write.
 */
export function mixedOrderExamples(options: MixedOrderOptions): ExampleSource<TrainingBatch> {
  checkFields("mixedOrderExamples", options, mixedOrderFields);
  const { captions, codes, conditionDropout = 0, orders, textFirstShare = 0.5, tokenizer, weights = {} } = options;
  checkNumber("textFirstShare", textFirstShare, { min: 0, max: 1 });
  checkNumber("conditionDropout", conditionDropout, { min: 0, max: 1 });
  if (orders !== undefined && orders.length !== codes.count) {
    throw new ConfigError(`orders: expected one a pair (${codes.count}), got ${orders.length}.`);
  }
  if (conditionDropout > 0) {
    // Refused here, rather than at the first batch.
    tokenizer.withoutCondition({ data: new Int32Array(0), count: 0, length: 0 });
  }
  const textFirst = tokenizer.encode({ codes, captions, order: "text-first" });
  const hasBoth = tokenizer.orders.length === 2;
  const imageFirst = hasBoth ? tokenizer.encode({ codes, captions, order: "image-first" }) : textFirst;
  const columns = countedColumns(tokenizer, { codes, captions });
  return {
    count: codes.count,
    batch: (indices, { epoch, random }) => {
      const { length } = textFirst;
      const data = new Int32Array(indices.length * length);
      for (const [i, index] of indices.entries()) {
        const isTextFirst = orders ? orders[index] === "text-first" : random.uniform() < textFirstShare;
        const source = isTextFirst ? textFirst : imageFirst;
        data.set(source.data.subarray(index * length, (index + 1) * length), i * length);
      }
      const whole = { data, count: indices.length, length };
      const coin = () => ({ seed: random.uint32(), epoch, probability: conditionDropout });
      const tokens = conditionDropout === 0 ? whole : tokenizer.dropConditions(whole, coin());
      const batch = tokenizer.toTrainingBatch(tokens, weights);
      return columns === length - 1 ? batch : firstColumns(batch, columns);
    },
  };
}

/** An order for each of `count` pairs, drawn once for the whole training: a fair coin of the seed. */
export function drawOrders(count: number, seed: number): Order[] {
  const random = Random.fromSeed(seed).fork("tasks");
  return Array.from({ length: count }, () => (random.uniform() < 0.5 ? "text-first" : "image-first"));
}

/** Pairs as sequences of one order, to evaluate on: every target weighs the same, padding nothing. */
export function orderedSequences(tokenizer: MultimodalTokenizer, pairs: CodedPairs, order: Order): TrainingBatch {
  const { captions, codes } = pairs;
  return tokenizer.toTrainingBatch(tokenizer.encode({ codes, captions, order }));
}

/** Pairs as examples of one order, for an evaluation in batches: every target weighs the same, padding nothing. */
export function orderedExamples(
  tokenizer: MultimodalTokenizer,
  { captions, codes }: CodedPairs,
  order: Order,
): ExampleSource<TrainingBatch> {
  const rows = tokenExamples(tokenizer.encode({ codes, captions, order }));
  return {
    count: rows.count,
    batch: async (indices, context) => tokenizer.toTrainingBatch(await rows.batch(indices, context)),
  };
}

/** The first of the pairs, as views of the same memory. */
export function firstPairs<Pairs extends CodedPairs>({ captions, codes }: Pairs, limit: number): CodedPairs {
  const count = Math.min(limit, captions.length);
  const data = codes.data.subarray(0, count * codes.height * codes.width);
  return { codes: { ...codes, data, count }, captions: captions.slice(0, count) };
}

/** Target positions up to the last that counts in either order. Only lines end in padding that every row has. */
function countedColumns(tokenizer: MultimodalTokenizer, pairs: CodedPairs): number {
  const whole = tokenizer.sequenceLength - 1;
  if (tokenizer.config.layout !== "lines" || pairs.codes.count === 0) {
    return whole;
  }
  const counted = (["text-first", "image-first"] as const).map((order) => {
    const { weights } = orderedSequences(tokenizer, firstPairs(pairs, 1), order);
    return weights === undefined ? whole : weights.findLastIndex((weight) => weight > 0) + 1;
  });
  return Math.max(...counted);
}

/** The first positions of every row. What is cut off is padding, which no earlier position sees. */
function firstColumns({ inputs, targets, weights }: TrainingBatch, columns: number): TrainingBatch {
  const { count, length } = inputs;
  const cut = <Data extends Int32Array | Float32Array>(data: Data, into: Data): Data => {
    for (let row = 0; row < count; row++) {
      into.set(data.subarray(row * length, row * length + columns), row * columns);
    }
    return into;
  };
  const ids = (data: Int32Array): TokenBatch => ({
    data: cut(data, new Int32Array(count * columns)),
    count,
    length: columns,
  });
  return {
    inputs: ids(inputs.data),
    targets: ids(targets.data),
    ...(weights && { weights: cut(weights, new Float32Array(count * columns)) }),
  };
}
