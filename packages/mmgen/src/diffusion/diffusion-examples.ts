import { checkNumber, type ExampleSource, type Random } from "@mmgen/core";
import type { LossWeights, MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { type CorruptedBatch, corruptBatch, type KernelOptions } from "@mmgen/samplers";
import { checkFields } from "../model/check-arguments.js";
import type { CodedPairs } from "../stages/training-examples.js";
import { type DiffusionTask, type TaskShares, taskNames } from "./diffusion-options.js";

/** Options of {@link diffusionExamples}. */
export interface DiffusionExamplesOptions extends CodedPairs {
  /** With a mask token, and a null token where `tasks.imageAlone` is above 0. */
  readonly tokenizer: MultimodalTokenizer;
  /** How sequences are corrupted, and what the loss is. */
  readonly kernel: KernelOptions;
  /** What of a row is corrupted: shares relative to their sum. */
  readonly tasks: TaskShares;
  /** Weights of codes and of words, their end marker and padding, in the loss. Default: 1 each. */
  readonly weights?: Pick<LossWeights, "image" | "text"> | undefined;
}

/**
 * Pairs as training sequences of discrete diffusion: in the layout's first order, with the image, the text or both
 * corrupted by a kernel.
 *
 * Markers are known, and so is what a row's task gives. End marker and padding of a caption are corrupted and predicted as
 * its words are, so that its length is learned. All batches of a kernel have the same fields and shapes.
 *
 * @throws a `VocabularyError` for a tokenizer without the tokens that it needs, or a caption of unknown words.
 */
export function diffusionExamples(options: DiffusionExamplesOptions): ExampleSource<CorruptedBatch> {
  checkFields("diffusionExamples", options, ["tokenizer", "codes", "captions", "kernel", "tasks", "weights"]);
  const { captions, codes, kernel, tasks, tokenizer, weights } = options;
  const { legal, maskId, modalities, order } = sequencePlaces(tokenizer);
  const whole = tokenizer.encode({ codes, captions, order });
  const { length } = whole;
  const weightOf = { special: 0, ...placeWeights(weights) };
  const weightAt = Float32Array.from(modalities, (modality) => weightOf[modality]);
  const open = Object.fromEntries(taskNames.map((task) => [task, corruptiblePlaces(tokenizer, task)]));
  const nothing = tasks.imageAlone > 0 ? tokenizer.specialId("<null>") : maskId;
  return {
    count: codes.count,
    batch: (indices, { random }) => {
      const data = new Int32Array(indices.length * length);
      const corruptible = new Uint8Array(indices.length * length);
      for (const [row, index] of indices.entries()) {
        const task = drawTask(tasks, random);
        const ids = data.subarray(row * length, (row + 1) * length);
        ids.set(whole.data.subarray(index * length, (index + 1) * length));
        corruptible.set(open[task]!, row * length);
        if (task === "imageAlone") {
          modalities.forEach((modality, at) => {
            ids[at] = modality === "text" ? nothing : ids[at]!;
          });
        }
      }
      const ids = { data, count: indices.length, length };
      const batch = corruptBatch({ ids, kernel, random, corruptible, legal, maskId });
      return weights === undefined ? batch : weighted(batch, weightAt, corruptible);
    },
  };
}

/** The order in which a model of diffusion writes pairs, and what may stand at each of its places. */
export function sequencePlaces(tokenizer: MultimodalTokenizer) {
  const order = tokenizer.orders[0]!;
  const { from, modalities, to } = tokenizer.positionRanges(order);
  return { order, legal: { from, to }, modalities, maskId: tokenizer.specialId("<mask>") };
}

/** 1 at the places of a sequence that a task corrupts, `[sequenceLength]`. */
export function corruptiblePlaces(tokenizer: MultimodalTokenizer, task: DiffusionTask): Uint8Array {
  const modalities = tokenizer.modalities(tokenizer.orders[0]!);
  return Uint8Array.from(modalities, (modality) => Number(isCorrupted[task](modality)));
}

const isCorrupted: Readonly<Record<DiffusionTask, (modality: "special" | "text" | "image") => boolean>> = {
  imageGivenText: (modality) => modality === "image",
  imageAlone: (modality) => modality === "image",
  textGivenImage: (modality) => modality === "text",
  both: (modality) => modality !== "special",
};

function drawTask(shares: TaskShares, random: Random): DiffusionTask {
  const total = taskNames.reduce((sum, name) => sum + shares[name], 0);
  let left = random.uniform() * total;
  for (const name of taskNames) {
    left -= shares[name];
    if (left < 0) {
      return name;
    }
  }
  // Reached where the sum was rounded up.
  return taskNames.findLast((name) => shares[name] > 0)!;
}

function placeWeights(weights: DiffusionExamplesOptions["weights"] = {}): Readonly<Record<"image" | "text", number>> {
  checkFields("weights", weights, ["image", "text"]);
  const { image = 1, text = 1 } = weights;
  checkNumber("weights.image", image, { min: 0 });
  checkNumber("weights.text", text, { min: 0 });
  return { image, text };
}

/**
 * A batch whose targets weigh by their place; what the sum is divided by changes with them.
 *
 * @param weightAt - `[length]`.
 */
function weighted(batch: CorruptedBatch, weightAt: Float32Array, corruptible: Uint8Array): CorruptedBatch {
  const { length } = weightAt;
  const weights = batch.weights.map((weight, i) => weight * weightAt[i % length]!);
  if (batch.weightSum === undefined) {
    return { ...batch, weights };
  }
  const weightSum = corruptible.reduce((total, flag, i) => total + flag * weightAt[i % length]!, 0);
  return { ...batch, weights, weightSum };
}
