import { type CodeBatch, Random, type TokenBatch } from "@mmgen/core";
import { mixedOrderExamples } from "@mmgen/example-common";
import type { MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
import type { ExampleSource } from "@mmgen/training";
import type { VlmConfig } from "./config.js";
import type { LetterPairs } from "./letters.js";

/** Options of {@link lineExamples}. */
export interface LineExamplesOptions {
  readonly tokenizer: MultimodalTokenizer;
  readonly pairs: LetterPairs;
  readonly config: Pick<VlmConfig["transformer"], "digitWeight" | "promptWeight" | "task">;
  readonly seed: number;
}

/** Lines to train on, half of them for either task: each starts at its beginning, and its padding is left out. */
export function lineExamples({ tokenizer, pairs, config, seed }: LineExamplesOptions): ExampleSource<TrainingBatch> {
  const { codes, captions } = pairs;
  const settled = () => pairs.orders ?? tossedOrders(codes.count, seed);
  const lines = mixedOrderExamples({
    tokenizer,
    codes,
    captions,
    orders: config.task === "once" ? settled() : undefined,
    textFirstShare: 0.5,
    weights: { text: config.digitWeight, prompt: config.promptWeight },
  });
  const length = unpaddedLength(tokenizer, codes);
  return {
    count: lines.count,
    batch: async (indices, context) => firstColumns(await lines.batch(indices, context), length),
  };
}

/** The same pairs in both orders, to evaluate on: those that read the picture follow those that draw it. */
export function bothOrders(
  tokenizer: MultimodalTokenizer,
  { codes, captions }: Pick<LetterPairs, "codes" | "captions">,
): { readonly batch: TrainingBatch; readonly orders: readonly Order[] } {
  const inOrder = (order: Order) => tokenizer.join({ codes, captions, order });
  const [drawing, reading] = [inOrder("text-first"), inOrder("image-first")];
  const tokens: TokenBatch = {
    data: new Int32Array(drawing.data.length + reading.data.length),
    count: 2 * codes.count,
    length: drawing.length,
  };
  tokens.data.set(drawing.data);
  tokens.data.set(reading.data, drawing.data.length);
  const orders = Array.from({ length: tokens.count }, (_, row) => (row < codes.count ? "text-first" : "image-first"));
  return { batch: tokenizer.toTrainingBatch(tokens), orders };
}

function tossedOrders(count: number, seed: number): Order[] {
  const random = Random.fromSeed(seed).fork("tasks");
  return Array.from({ length: count }, () => (random.uniform() < 0.5 ? "text-first" : "image-first"));
}

/** Targets up to the last that counts: lines of both orders end at the same place, before their padding. */
function unpaddedLength(tokenizer: MultimodalTokenizer, { data, height, width }: CodeBatch): number {
  const codes = { data: data.slice(0, height * width), count: 1, height, width };
  const { batch } = bothOrders(tokenizer, { codes, captions: [tokenizer.config.words[0]!] });
  const { targets, weights } = batch;
  let last = 0;
  for (let at = 0; at < targets.data.length; at++) {
    last = weights?.[at] === 0 ? last : Math.max(last, at % targets.length);
  }
  return last + 1;
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
