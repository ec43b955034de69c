import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { evaluateLoss, imageExamples, type TrainingHistory } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import { imageCodecMetrics } from "../metrics/image-codec-metrics.js";
import { checkFields } from "../model/check-arguments.js";
import { vqVaeMetrics } from "./evaluation-metrics.js";
import { runStage, type StageOptions, stageFields } from "./run-stage.js";

/** Options of {@link trainVqVae}. */
export interface TrainVqVaeOptions extends StageOptions<VqVae> {
  /** Network, quantizer, head and composition; side, channels and levels are those of `images`. */
  readonly model: VqVaeOptions;
  /** Goes on from this one's weights, whose configuration `model` then is; borrowed. Default: random weights. */
  readonly from?: VqVae | undefined;
  /** Images to train on; borrowed. */
  readonly images: ImageBatch;
  /** Images to evaluate on before training and after each epoch; borrowed. Default: no evaluation. */
  readonly heldOut?: ImageBatch | undefined;
}

/** A trained image codec. */
export interface VqVaeTraining {
  /** Yours to dispose. */
  readonly vqvae: VqVae;
  /**
   * Each step's loss, and each epoch's {@link imageCodecMetrics} of the held-out images with their loss, in the training
   * loss's units, as `heldOutLoss`.
   */
  readonly history: TrainingHistory;
}

/** Held-out images that the loss is taken from, at most: enough for a curve, and cheap beside the training. */
const maxLossImages = 1000;

/**
 * Trains a VQ-VAE on images alone, or goes on from its checkpoint.
 *
 * @throws a `ConfigError` when the configuration cannot be.
 * @throws an `AbortedError` when the signal fires; the checkpoint is then written.
 */
export async function trainVqVae(options: TrainVqVaeOptions): Promise<VqVaeTraining> {
  checkFields("trainVqVae", options, [...stageFields, "model", "from", "images", "heldOut"]);
  const { from, heldOut, images, model, signal, training } = options;
  const { batchSize } = training;
  const random = Random.fromSeed(options.seed).fork("tokenizer");
  const vqvae = from
    ? await copyOf(from)
    : VqVae.create({ ...shapeOf(images), ...model }, { random: random.fork("weights") });
  const evaluate = heldOut && (() => evaluateVqVae(vqvae, heldOut, { batchSize, signal }));
  const history = await runStage({
    ...{ ...options, label: "image codec", model: vqvae, examples: imageExamples(images) },
    random: random.fork("training"),
    evaluate,
    stoppingMetric: vqVaeMetrics[0],
  });
  return { vqvae, history };
}

/** Another image codec of the same configuration and weights; yours to dispose. */
export async function copyOf(vqvae: VqVae): Promise<VqVae> {
  return VqVae.fromSafetensors(await vqvae.toSafetensors());
}

/** What an image codec's configuration takes from the images it is for. */
export function shapeOf({ channels, height, maxValue, width }: ImageBatch) {
  return { imageSide: height === width ? height : { height, width }, channels, maxValue };
}

/** Loss and metrics of held-out images. */
export async function evaluateVqVae(
  vqvae: VqVae,
  heldOut: ImageBatch,
  { batchSize, signal }: { batchSize: number; signal: AbortSignal | undefined },
): Promise<Record<(typeof vqVaeMetrics)[number], number>> {
  const examples = imageExamples(sliceImages(heldOut, 0, Math.min(maxLossImages, heldOut.count)));
  const { loss } = await evaluateLoss({ model: vqvae, examples, batchSize, ...(signal && { signal }) });
  return { heldOutLoss: loss!, ...(await imageCodecMetrics(vqvae, heldOut)) };
}
