import type { TokenBatch } from "@mmgen/core";
import type { MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import { bitsPerPixel, evaluateSequences, type SequenceFigures } from "@mmgen/training";

/** Test likelihood: each order's, and the mean of both. */
export interface LikelihoodFigures {
  readonly natsPerDim: number;
  readonly natsPerSample: number;
  /** Nats of the image codes of a text-first sequence, in bits over the image's pixels. */
  readonly bitsPerPixel: number;
  readonly byOrder: Readonly<Record<Order, SequenceFigures>>;
}

/** Options of {@link likelihood}. */
export interface LikelihoodOptions {
  readonly transformer: TinyTransformer;
  readonly tokenizer: MultimodalTokenizer;
  /** The test pairs in each order. */
  readonly tokens: Readonly<Record<Order, TokenBatch>>;
  /** Pixels of an image. */
  readonly pixels: number;
  readonly signal: AbortSignal;
}

/** Scores test sequences, given once in each order. */
export async function likelihood(options: LikelihoodOptions): Promise<LikelihoodFigures> {
  const { transformer, tokenizer, tokens, pixels, signal } = options;
  const score = (order: Order) =>
    evaluateSequences({
      model: transformer,
      sequences: tokenizer.toTrainingBatch(tokens[order]),
      batchSize: 100,
      modalityOf: (id) => tokenizer.modality(id),
      signal,
    });
  const byOrder = { "text-first": await score("text-first"), "image-first": await score("image-first") };
  const { "text-first": textFirst, "image-first": imageFirst } = byOrder;
  return {
    natsPerDim: (textFirst.natsPerDim + imageFirst.natsPerDim) / 2,
    natsPerSample: (textFirst.natsPerSample + imageFirst.natsPerSample) / 2,
    bitsPerPixel: bitsPerPixel(textFirst.byModality.image!.natsPerSample, pixels),
    byOrder,
  };
}
