import { ConfigError, DataError, Random } from "@mmgen/core";
import { bitsPerPixel } from "@mmgen/evaluation";
import { diffusionBound } from "@mmgen/samplers";
import { evaluateLoss } from "@mmgen/training";
import type { ScoredPairs, ScoreOptions } from "../metrics/score-pairs.js";
import type { SequenceModels } from "../model/model-parts.js";
import type { CodedPairs } from "../stages/training-examples.js";
import { corruptiblePlaces, diffusionExamples, sequencePlaces } from "./diffusion-examples.js";
import type { DiffusionSettings, DiffusionTask, TaskShares } from "./diffusion-options.js";

/** Tokenizer and transformer of the family `diffusion`. */
export interface DiffusionModels extends SequenceModels {
  /** How the transformer was trained, and how it is sampled where a call does not say. */
  readonly diffusion: DiffusionSettings;
}

/** Upper bound of a negative log-likelihood in nats, estimated from random corruptions: a mean over pairs. */
export interface LikelihoodBound {
  /** Per code of an image and word of a caption, end marker included; padding is not counted. */
  readonly natsPerId: number;
  readonly natsPerSequence: number;
}

/** Upper bounds of the negative log-likelihood of pairs under a model of the family `diffusion`. */
export interface PairBound extends LikelihoodBound {
  /** Bound of the image's codes, given the caption where there is one, in bits over the image's pixels. */
  readonly bitsPerPixel: number;
  /** Of the image given its text, the text given its image, and both; of images alone just `both`. */
  readonly bounds: Readonly<Partial<Record<Exclude<DiffusionTask, "imageAlone">, LikelihoodBound>>>;
}

/** Corruptions of each pair: few for a look after each epoch, more for a figure to keep. */
const draws = { score: 16, heldOut: 4 };

/**
 * Upper bounds of pairs' negative log-likelihood, in nats, from 16 corruptions of each that depend on nothing but its row:
 * the same pairs give the same bounds. They are no less than the likelihood is, so they compare with those of an
 * autoregressive model, but may be far above.
 *
 * @throws a `ConfigError` for a model of kernel `chain`, which has no bound; a `DataError` when there is no pair; a
 *   `VocabularyError` or `GrammarError` for a caption of unknown words.
 */
export async function scoreBounds(
  models: DiffusionModels,
  pairs: ScoredPairs,
  options: ScoreOptions = {},
): Promise<PairBound> {
  checkHasBound(models);
  const boundOf = (task: DiffusionTask) => taskBound(models, pairs, { ...options, task, draws: draws.score });
  const both = await boundOf("both");
  const hasText = models.tokenizer.config.layout !== "image-only";
  const conditional = hasText && {
    imageGivenText: await boundOf("imageGivenText"),
    textGivenImage: await boundOf("textGivenImage"),
  };
  const image = conditional ? conditional.imageGivenText : both;
  return {
    ...both,
    bitsPerPixel: bitsPerPixel(image.natsPerSequence, pairs.pixels),
    bounds: { ...conditional, both },
  };
}

/** Upper bounds of each caption's negative log-likelihood given its image, in nats. Throws as {@link scoreBounds}. */
export async function captionBounds(
  models: DiffusionModels,
  pairs: CodedPairs,
  options: ScoreOptions = {},
): Promise<Float64Array> {
  checkHasBound(models);
  return (await taskNats(models, pairs, { ...options, task: "textGivenImage", draws: draws.score })).nats;
}

/**
 * Metrics of held-out pairs for an evaluation after each epoch: the bound of whole pairs per id and per pair, from four
 * corruptions of each; of kernel `chain`, which has none, the loss of each task's share.
 *
 * @throws an `AbortedError` when the signal fires.
 */
export async function heldOutBounds(
  models: DiffusionModels,
  pairs: CodedPairs,
  { batchSize = 100, signal, tasks }: ScoreOptions & { readonly tasks: TaskShares },
): Promise<Readonly<Record<string, number>>> {
  const { diffusion, tokenizer, transformer: model } = models;
  const { kernel } = diffusion;
  if (kernel.type === "chain") {
    const { captions, codes } = pairs;
    const examples = diffusionExamples({ tokenizer, codes, captions, kernel, tasks });
    return { ...(await evaluateLoss({ model, examples, batchSize, ...(signal && { signal }) })) };
  }
  const bound = await taskBound(models, pairs, { batchSize, signal, task: "both", draws: draws.heldOut });
  return { natsPerId: bound.natsPerId, natsPerSequence: bound.natsPerSequence };
}

function checkHasBound({ diffusion }: DiffusionModels): void {
  if (diffusion.kernel.type === "chain") {
    throw new ConfigError(
      'score: a model of kernel "chain" has no bound of its likelihood. Train one of another kernel.',
    );
  }
}

interface TaskOptions extends ScoreOptions {
  readonly task: DiffusionTask;
  readonly draws: number;
}

async function taskBound(models: DiffusionModels, pairs: CodedPairs, options: TaskOptions): Promise<LikelihoodBound> {
  const { corruptible, ids, nats } = await taskNats(models, pairs, options);
  const { weights } = models.tokenizer.toTrainingBatch(ids);
  // Targets begin with the second id.
  const isCounted = (at: number, row: number) =>
    weights === undefined || at === 0 || weights[row * (ids.length - 1) + at - 1]! > 0;
  const counted = Array.from({ length: ids.count }, (_, row) =>
    corruptible.reduce((sum, flag, at) => sum + (flag === 1 && isCounted(at, row) ? 1 : 0), 0),
  );
  const total = nats.reduce((sum, each) => sum + each, 0);
  return {
    natsPerSequence: total / ids.count,
    natsPerId: total / counted.reduce((sum, each) => sum + each, 0),
  };
}

/** The bound of each pair's places that the task corrupts. */
async function taskNats(
  { diffusion, tokenizer, transformer: model }: DiffusionModels,
  { captions, codes }: CodedPairs,
  { batchSize = 100, draws, signal, task }: TaskOptions,
) {
  if (codes.count === 0) {
    throw new DataError("score: expected at least one pair, got none.");
  }
  const { legal, maskId, order } = sequencePlaces(tokenizer);
  const corruptible = corruptiblePlaces(tokenizer, task);
  const ids = tokenizer.encode({ codes, captions, order });
  const nats = await diffusionBound({
    ...{ model, ids, kernel: diffusion.kernel, corruptible, legal, maskId },
    ...{ random: Random.fromSeed(0).fork("bound"), draws, batchSize, signal },
  });
  return { corruptible, ids, nats };
}
