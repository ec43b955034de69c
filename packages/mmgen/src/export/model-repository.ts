import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import { lockFolder, writeFileAtomic } from "@mmgen/core/node";
import { fields, optional, resolveOptions, wholeNumber } from "@mmgen/core/options";
import type { ExportableFunction } from "@mmgen/nn/layers";
import { samplingEntries } from "@mmgen/samplers";
import * as tf from "@tensorflow/tfjs-core";
import { type ModelParts, modelFiles, tokenizerFile } from "../model/model-parts.js";
import { type ServedModel, type ServedTensor, servedModels } from "./served-models.js";

/** Options of {@link exportTo}. */
export interface ExportToOptions {
  /** Divides the logits of drawn ids; 0 takes the most likely id. Default: 1. */
  readonly temperature?: number | undefined;
  /** Keeps logits at least as large as the k-th largest. Default: all. */
  readonly topK?: number | undefined;
  /** Keeps the smallest set of most likely ids whose probabilities sum to at least p. Default: all. */
  readonly topP?: number | undefined;
  /** Rows that a server puts together at most. Default: 64. */
  readonly maxBatch?: number | undefined;
  /** Microseconds that a server waits for more rows. Default: 5000. */
  readonly queueDelay?: number | undefined;
}

const { temperature, topK, topP } = samplingEntries;
const schema = fields({
  ...{ temperature, topK, topP },
  maxBatch: optional(wholeNumber({ min: 1 }), 64),
  queueDelay: optional(wholeNumber({ min: 0 }), 5000),
});

/**
 * Writes a trained model as ONNX files in the folder layout that NVIDIA Triton and KServe serve by the Open Inference
 * Protocol: `<name>/1/model.onnx` and `<name>/config.pbtxt` for each function, and `tokenizer.json` beside.
 *
 * - `encoder`: `levels`, `[rows, height, width, channels]` int32 → `codes`, `[rows, codes of an image]` int32; `decoder` is
 *   the inverse.
 * - `draw`: `prompt`, `[rows, promptLength]` int32, what the tokenizer's `promptForImages` gives, and above temperature 0
 *   `seeds`, `[rows, 1]` int32, the bits of `rowSeeds` → `ids`, `[rows, sequenceLength]` int32, whole legal sequences;
 *   `caption` likewise after `promptForCaptions`. Layouts without captions, or without images, have `invent`.
 * - `step`: `ids`, `[rows]` int32, at `position`, `[1]` int32, and the caches `key.0` … `value.0` …, which start as zeros →
 *   `logits`, `[rows, vocabularySize]`, and `next_key.0` …. A model of the family `diffusion` has `logits` in place of
 *   these: `ids`, `[rows, sequenceLength]` → `logits`, `[rows, sequenceLength, vocabularySize]`.
 *
 * Their results are those of the model's methods, as long as the server computes in float32.
 *
 * @param models - A `MultimodalModel`, or its parts; borrowed.
 * @returns The names of the functions.
 * @throws a {@link ConfigError} when an option is wrong, or another backend than onnx is active; a `DataError` when the
 *   folder cannot be written.
 * @see https://github.com/open-inference/open-inference-protocol
 */
export async function exportTo(folder: string, models: ModelParts, options: ExportToOptions = {}): Promise<string[]> {
  const { maxBatch, queueDelay, ...config } = resolveOptions(schema, options, { path: "exportTo" });
  if (tf.getBackend() !== "onnx") {
    throw new ConfigError(
      `exportTo: expected the onnx backend to be active, got ${tf.getBackend()}. Call await useOnnx() of ` +
        "@mmgen/backend-onnx before the model is made or loaded.",
    );
  }
  const { exportOnnxFiles } = await import("@mmgen/backend-onnx");
  // At 1 nothing is left out, and the graph need not sort.
  const sampling = { ...config, topP: config.topP < 1 ? config.topP : undefined };
  const served = servedModels(models, sampling);
  const metadata = { tokenizer: JSON.stringify(models.tokenizer) };
  const lock = await lockFolder(folder);
  try {
    for (const model of served) {
      for (const [name, bytes] of await exportOnnxFiles(model.exported, { metadata, fileName: "model.onnx" })) {
        await writeFileAtomic(join(folder, model.name, "1", name), bytes);
      }
      const config = modelConfig(model, { maxBatch, queueDelay });
      await writeFileAtomic(join(folder, model.name, "config.pbtxt"), config);
    }
    await writeFileAtomic(join(folder, modelFiles.tokenizer), tokenizerFile(models.tokenizer));
  } finally {
    await lock.release();
  }
  return served.map(({ name }) => name);
}

interface Queue {
  readonly maxBatch: number;
  readonly queueDelay: number;
}

/** Triton's description of a model, in protocol buffers' text format. */
function modelConfig({ exported, joinsRequests, name, outputs }: ServedModel, { maxBatch, queueDelay }: Queue): string {
  const tensors = (kind: string, all: ExportableFunction["inputs"]) =>
    Object.entries(all).map(([each, tensor]) => `${kind} { ${tensorConfig(each, tensor, joinsRequests)} }`);
  return `${[
    `name: "${name}"`,
    'backend: "onnxruntime"',
    `max_batch_size: ${joinsRequests ? maxBatch : 0}`,
    ...tensors("input", exported.inputs),
    ...tensors("output", outputs),
    ...(joinsRequests ? [`dynamic_batching { max_queue_delay_microseconds: ${queueDelay} }`] : []),
  ].join("\n")}\n`;
}

const types = { float32: "TYPE_FP32", int32: "TYPE_INT32", bool: "TYPE_BOOL" } as const;

/** Where a server joins requests, the number of rows is understood. */
function tensorConfig(name: string, { dtype, shape }: ServedTensor, joinsRequests: boolean): string {
  const sizes = (joinsRequests ? shape.slice(1) : shape).map((size) => (typeof size === "string" ? -1 : size));
  return `name: "${name}" data_type: ${types[dtype]} dims: [ ${sizes.join(", ")} ]`;
}
