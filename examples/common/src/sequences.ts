import type { CodeBatch, ExampleSource, TokenBatch } from "@mmgen/core";
import type { LossWeights, MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { tokenExamples } from "@mmgen/training";

/** Options of {@link mixedOrderExamples}. */
export interface MixedOrderOptions {
  readonly tokenizer: MultimodalTokenizer;
  readonly codes: CodeBatch;
  readonly captions: readonly string[];
  /** Share of the sequences of a batch that put the text first. */
  readonly textFirstShare: number;
  /** The order of each pair, where it is settled once for good. */
  readonly orders?: readonly Order[] | undefined;
  /** What weighs how much in the loss. */
  readonly weights: LossWeights;
}

/** Pairs as training sequences, each in an order drawn anew every time it is seen, unless its order is settled. */
export function mixedOrderExamples(options: MixedOrderOptions): ExampleSource<TrainingBatch> {
  const { tokenizer, codes, captions, orders, textFirstShare, weights } = options;
  const textFirst = tokenizer.encode({ codes, captions, order: "text-first" });
  const imageFirst = tokenizer.encode({ codes, captions, order: "image-first" });
  return {
    count: codes.count,
    batch: (indices, { random }) => {
      const { length } = textFirst;
      const data = new Int32Array(indices.length * length);
      for (const [i, index] of indices.entries()) {
        const isTextFirst = orders ? orders[index] === "text-first" : random.uniform() < textFirstShare;
        const source = isTextFirst ? textFirst : imageFirst;
        data.set(source.data.subarray(index * length, (index + 1) * length), i * length);
      }
      return tokenizer.toTrainingBatch({ data, count: indices.length, length }, weights);
    },
  };
}

/** Whole sequences as evaluation examples, every target weighing the same. */
export function sequenceExamples(tokenizer: MultimodalTokenizer, tokens: TokenBatch): ExampleSource<TrainingBatch> {
  const rows = tokenExamples(tokens);
  return {
    count: rows.count,
    batch: async (indices, context) => tokenizer.toTrainingBatch(await rows.batch(indices, context)),
  };
}
