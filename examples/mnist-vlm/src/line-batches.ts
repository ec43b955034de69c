import type { ExampleSource } from "@mmgen/core";
import { type CodeBatch, Random, type TokenBatch } from "@mmgen/core";
import { mixedOrderExamples } from "@mmgen/example-common";
import type { MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
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

/** Pairs as lines of one order, to evaluate on; padding has no weight. */
export function linesInOrder(
  tokenizer: MultimodalTokenizer,
  { codes, captions }: Pick<LetterPairs, "codes" | "captions">,
  order: Order,
): TrainingBatch {
  return tokenizer.toTrainingBatch(tokenizer.encode({ codes, captions, order }));
}

function tossedOrders(count: number, seed: number): Order[] {
  const random = Random.fromSeed(seed).fork("tasks");
  return Array.from({ length: count }, () => (random.uniform() < 0.5 ? "text-first" : "image-first"));
}

/** Targets up to the last that counts: lines of both orders end at the same place, before their padding. */
function unpaddedLength(tokenizer: MultimodalTokenizer, { data, height, width }: CodeBatch): number {
  const codes = { data: data.slice(0, height * width), count: 1, height, width };
  const line = linesInOrder(tokenizer, { codes, captions: [tokenizer.config.words[0]!] }, "image-first");
  return line.weights === undefined ? line.targets.length : line.weights.findLastIndex((weight) => weight > 0) + 1;
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
