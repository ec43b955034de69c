import type { TokenBatch } from "@mmgen/core";
import { bitsPerPixel, evaluateSequences, type SequenceMetrics } from "@mmgen/evaluation";
import type { MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";

/** Test likelihood of sequences in one order. */
export interface OrderLikelihood extends Pick<SequenceMetrics, "natsPerDim" | "natsPerSample" | "byModality"> {
  /** Nats of the image codes in bits over the image's pixels: given the caption, where the text comes first. */
  readonly bitsPerPixel: number;
  /** Mean nats of each predicted id, from the second of a sequence on. */
  readonly byPosition: readonly number[];
}

/** Test likelihood: the mean of both orders, and each order's. */
export interface LikelihoodFigures {
  readonly natsPerDim: number;
  readonly natsPerSample: number;
  readonly bitsPerPixel: number;
  readonly byOrder: Readonly<Record<Order, OrderLikelihood>>;
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
  const textFirst = await scoreOrder(options, "text-first");
  const imageFirst = await scoreOrder(options, "image-first");
  return {
    natsPerDim: (textFirst.natsPerDim + imageFirst.natsPerDim) / 2,
    natsPerSample: (textFirst.natsPerSample + imageFirst.natsPerSample) / 2,
    bitsPerPixel: (textFirst.bitsPerPixel + imageFirst.bitsPerPixel) / 2,
    byOrder: { "text-first": textFirst, "image-first": imageFirst },
  };
}

async function scoreOrder(options: LikelihoodOptions, order: Order): Promise<OrderLikelihood> {
  const { transformer, tokenizer, tokens, pixels, signal } = options;
  const { natsPerDim, natsPerSample, byModality, byPosition } = await evaluateSequences({
    model: transformer,
    sequences: tokenizer.toTrainingBatch(tokens[order]),
    batchSize: 100,
    modalityOf: (id) => tokenizer.modality(id),
    signal,
  });
  return {
    ...{ natsPerDim, natsPerSample, byModality },
    bitsPerPixel: bitsPerPixel(byModality.image!.natsPerSample, pixels),
    byPosition: [...byPosition],
  };
}
