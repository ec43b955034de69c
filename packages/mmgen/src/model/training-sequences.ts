import { ConfigError, checkOneOf, type ExampleSource } from "@mmgen/core";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer, TransformerBatch } from "@mmgen/tiny-transformer";
import type { Metrics } from "@mmgen/training";
import { heldOutBounds } from "../diffusion/diffusion-bounds.js";
import { diffusionExamples } from "../diffusion/diffusion-examples.js";
import { heldOutMetrics } from "../metrics/score-pairs.js";
import { transformerMetrics } from "../stages/evaluation-metrics.js";
import { type CodedPairs, drawOrders, mixedOrderExamples } from "../stages/training-examples.js";
import type { ModelConfig, SequenceOptions } from "./model-options.js";

/** What sequences of a training are made of. */
export interface SequenceSource extends CodedPairs {
  readonly tokenizer: MultimodalTokenizer;
  /** Pairs of the whole training, of which these may be the first. Default: as many as these. */
  readonly of?: number | undefined;
  readonly seed: number;
}

/** What of a configuration shapes its sequences: with `diffusion` it is of the family `diffusion`. */
export type SequenceConfig = Pick<ModelConfig, "diffusion" | "sequences">;

/**
 * Pairs as training sequences of the configuration's family.
 *
 * @throws a {@link ConfigError} for weights, orders or shares that cannot be; a `VocabularyError` or `GrammarError` for a
 *   caption that the tokenizer cannot write.
 */
export function trainingSequences(
  { diffusion, sequences }: SequenceConfig,
  { captions, codes, of = codes.count, seed, tokenizer }: SequenceSource,
): ExampleSource<TransformerBatch> {
  const pairs = { tokenizer, codes, captions };
  if (diffusion !== undefined) {
    const { kernel, tasks } = diffusion;
    return diffusionExamples({ ...pairs, kernel, tasks, weights: sequences.weights });
  }
  // Checked here, rather than at the first batch.
  tokenizer.toTrainingBatch({ data: new Int32Array(0), count: 0, length: 0 }, sequences.weights);
  const { orders, ...rest } = ordersOf(sequences, of, seed);
  return mixedOrderExamples({ ...pairs, ...rest, orders: orders?.slice(0, codes.count) });
}

function ordersOf({ orders = "anew", ...rest }: SequenceOptions, count: number, seed: number) {
  if (typeof orders === "string") {
    checkOneOf("sequences.orders", orders, ["anew", "once"]);
  } else if (orders.length !== count) {
    throw new ConfigError(`sequences.orders: expected one a pair (${count}), got ${orders.length}.`);
  }
  const fixed = orders === "anew" ? undefined : orders === "once" ? drawOrders(count, seed) : orders;
  return { ...rest, orders: fixed };
}

/** Metrics of held-out pairs after each epoch, by the configuration's family. */
export function heldOutEvaluation(
  { diffusion }: Pick<SequenceConfig, "diffusion">,
  { captions, codes, signal, tokenizer }: CodedPairs & Pick<SequenceSource, "tokenizer"> & HeldOutOptions,
): (transformer: TinyTransformer) => Promise<Metrics> {
  const pairs = { codes, captions };
  return async (transformer) => ({
    ...(diffusion === undefined
      ? await heldOutMetrics({ tokenizer, transformer }, pairs, { signal })
      : await heldOutBounds({ tokenizer, transformer, diffusion }, pairs, { signal, tasks: diffusion.tasks })),
  });
}

/** Names of the metrics of {@link heldOutEvaluation}. */
export function heldOutMetricNames({ diffusion }: Pick<SequenceConfig, "diffusion">): readonly string[] {
  return transformerMetrics[
    diffusion === undefined ? "autoregressive" : diffusion.kernel.type === "chain" ? "chain" : "diffusion"
  ];
}

/** Options of {@link heldOutEvaluation}'s measuring. */
export interface HeldOutOptions {
  /** Stops with an `AbortedError`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}
