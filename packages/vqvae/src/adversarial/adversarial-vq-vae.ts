import { ConfigError, type ImageBatch, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import {
  customGradient,
  type StepPart,
  stopGradient,
  type TensorTrainable,
  tapedGradients,
  type UploadedBatch,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { levelsToPixels } from "../compositions/reconstruction-head.js";
import type { VqVae } from "../model/vq-vae.js";
import type { ReconstructedImages } from "../model/vq-vae-loss.js";
import { adaptiveWeight } from "./adaptive-weight.js";
import {
  type AdversarialConfig,
  type AdversarialOptions,
  type AdversarialParts,
  rampAt,
  resolveAdversarial,
  resolveAdversarialParts,
} from "./adversarial-config.js";
import { featureMatchingLoss, unitFeatures } from "./adversarial-losses.js";
import { Adversary, type AdversaryOutput } from "./adversary.js";
import { drawAugmentation } from "./augmentation.js";
import type { PatchDiscriminator } from "./patch-discriminator.js";
import type { ImageFeatures } from "./perceptual-features.js";

/** Names in `aux` of what is the adversary's. */
const prefix = "adversary.";
const directionPrefix = `${prefix}direction.`;

/** A batch as `AdversarialVqVae.lossTensor` takes it. */
export interface AdversarialTensors {
  /** `[batch, height, width, channels]`, int32. */
  readonly levels: tf.Tensor4D;
  /** Share of the adversarial term's weight that counts in this step. Default: none of it. */
  readonly ramp?: tf.Scalar;
}

/**
 * Trains a `VqVae` against a discriminator: its reconstructions are to have the discriminator's features of the originals,
 * and to be taken for originals. `train` of `@mmgen/training` drives it; the VqVae stays a plain one and is saved as such.
 *
 * Total: reconstruction + p · perceptual + λ · adversarial + the quantizer's terms, with adversarial = −mean D(x̂). The
 * discriminator minimizes ½ · mean(relu(1 − D(x)) + relu(1 + D(x̂))). A step runs each network once forward, the VqVae once
 * backward.
 *
 * @see Esser et al. 2021, https://arxiv.org/abs/2012.09841
 */
export class AdversarialVqVae implements TensorTrainable<ImageBatch, tf.NamedTensorMap> {
  /** Every field, defaults filled in. */
  readonly config: AdversarialConfig;
  /** The model that is trained; borrowed. */
  readonly vqvae: VqVae;
  /** The second network's parameters and buffers, for the training loop. */
  readonly adversary: Adversary;
  readonly #parameters: ReadonlyMap<string, tf.Variable>;
  readonly #features: ImageFeatures | undefined;
  /** The weight of the decoder's last layer. */
  readonly #last: tf.Variable;

  private constructor(vqvae: VqVae, config: AdversarialConfig, { random, features }: AdversarialParts) {
    this.config = config;
    this.vqvae = vqvae;
    this.#parameters = config.learns === "all" ? vqvae.parameters : decoderOf(vqvae);
    this.#last = lastWeightOf(vqvae);
    this.adversary = new Adversary(config, vqvae.config.channels).initializeWeights(random);
    const frozen = this.adversary.features;
    this.#features = features ?? (frozen && ((images) => frozen.forward(images)));
  }

  /**
   * A discriminator for a model.
   *
   * @param vqvae - With the head `regression`, whose output are pixels; borrowed.
   * @param parts - `random`: the same seed gives the same discriminator; `features`: of `perceptual.features: "own"`.
   * @throws a {@link ConfigError} when the head is another, or options are unknown, out of range or in conflict.
   */
  static create(vqvae: VqVae, options: AdversarialOptions, parts: AdversarialParts): AdversarialVqVae {
    const config = resolveAdversarial(options);
    const resolved = resolveAdversarialParts(parts);
    if (vqvae.config.head !== "regression") {
      throw new ConfigError(
        `head: a discriminator sees pixels, which the head "regression" gives, and this model has "${vqvae.config.head}".`,
      );
    }
    const { network } = vqvae.config;
    if (config.learns === "decoder" && "normalization" in network && network.normalization === "batch") {
      throw new ConfigError(
        'learns: a decoder that learns alone needs normalization "group" or "none": statistics of batches are the whole network\'s.',
      );
    }
    const isOwn = config.perceptual.features === "own";
    if (isOwn !== (resolved.features !== undefined)) {
      throw new ConfigError(
        `features: ${isOwn ? 'expected a function of images, as perceptual.features is "own"' : 'it needs perceptual.features: "own"'}.`,
      );
    }
    return new AdversarialVqVae(vqvae, config, resolved);
  }

  /** The network that tells reconstructions from originals. */
  get discriminator(): PatchDiscriminator {
    return this.adversary.discriminator;
  }

  /** The VqVae's that learn: all, or its decoder's. */
  get parameters(): ReadonlyMap<string, tf.Variable> {
    return this.#parameters;
  }

  /** The VqVae's where all of it learns; none where they stay what they are. */
  get buffers(): ReadonlyMap<string, tf.Variable> {
    return this.config.learns === "all" ? this.vqvae.buffers : new Map();
  }

  /** Initializes the VqVae's quantizer, and the discriminator's spectral norms. */
  async initialize(images: ImageBatch, random: Random): Promise<void> {
    await this.vqvae.initialize(images, random);
    await this.discriminator.initialize();
  }

  /**
   * The loss of a training step, inside the function whose gradients are taken. Without `training` or `step` it is the VqVae's
   * own, and the adversary has no part in it.
   *
   * @param images - As `VqVae.loss` takes them; borrowed.
   * @returns Yours, or the surrounding `tf.tidy`'s. `metrics`: the VqVae's, `perceptual` and `adversarial` (unweighted),
   *   `adversarialWeight` λ (0 before `startStep`), `realScore` and `fakeScore` (means).
   * @throws a `ShapeError` as `VqVae.loss`.
   */
  loss(images: ImageBatch, options: LossOptions): LossResult<tf.Scalar, tf.NamedTensorMap> {
    const { training, random, step } = options;
    if (!training || step === undefined) {
      return this.vqvae.loss(images, { training });
    }
    return this.lossTensor(this.uploadBatch(images, { step }).tensors as never, { training, random });
  }

  /** Checks images and gives them as {@link AdversarialVqVae.lossTensor} takes them, in the step after `step` steps. */
  uploadBatch(images: ImageBatch, { step = 0 }: Pick<LossOptions, "step"> = {}): UploadedBatch {
    const { tensors } = this.vqvae.uploadBatch(images);
    const ramp = rampAt(this.config, step);
    return { tensors: ramp === 0 ? tensors : { ...tensors, ramp: tf.scalar(ramp) } };
  }

  /** {@link AdversarialVqVae.loss} of the tensors of a batch, which are not checked. Borrows them. */
  lossTensor(
    { levels, ramp }: AdversarialTensors,
    { training, random }: Pick<LossOptions, "training" | "random">,
  ): LossResult<tf.Scalar, tf.NamedTensorMap> {
    if (!training) {
      return this.vqvae.lossTensor({ levels }, { training });
    }
    const criterion = (images: ReconstructedImages) => this.#criterion(images, ramp, random);
    const result = this.vqvae.lossTensor({ levels }, { training, criterion });
    const { [`${prefix}total`]: adversaryTotal, ...aux } = result.aux;
    return { ...result, aux, adversaryTotal: adversaryTotal as tf.Scalar };
  }

  /** Updates the VqVae's buffers where all of it learns, and the adversary's where the loss was a step's. */
  afterStep(aux: tf.NamedTensorMap, random: Random): void {
    if (this.config.learns === "all") {
      this.vqvae.afterStep(aux, random);
    }
    this.#updateAdversary(aux);
  }

  /** What {@link AdversarialVqVae.afterStep} needs of one part of a step, to be added up over all; see `TensorTrainable`. */
  partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    const ofVqVae = this.config.learns === "all" ? this.vqvae.partSums(aux, part) : {};
    const own = Object.entries(aux).filter(([name]) => name.startsWith(prefix));
    // The directions are of weights alone, and therefore the same in all parts.
    const shareOf = (name: string) => (name.startsWith(directionPrefix) ? Number(part.part === 0) : 1 / part.parts);
    return { ...ofVqVae, ...Object.fromEntries(own.map(([name, value]) => [name, tf.mul(value, shareOf(name))])) };
  }

  /** {@link AdversarialVqVae.afterStep} from the sums over all parts of a step. */
  afterParts(sums: tf.NamedTensorMap): void {
    if (this.config.learns === "all") {
      this.vqvae.afterParts(sums);
    }
    this.#updateAdversary(sums);
  }

  #updateAdversary(aux: tf.NamedTensorMap): void {
    const { [`${prefix}realScore`]: real, [`${prefix}fakeScore`]: fake } = aux;
    if (real !== undefined && fake !== undefined) {
      const directions = Object.entries(aux).filter(([name]) => name.startsWith(directionPrefix));
      const byBuffer = new Map(directions.map(([name, value]) => [name.slice(directionPrefix.length), value]));
      tf.tidy(() => this.adversary.afterStep(byBuffer, { real, fake }));
    }
  }

  /** Frees the adversary; the VqVae is not its own. Safe to call twice. */
  dispose(): void {
    this.adversary.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `AdversarialVqVae(159,009 parameters of the adversary, adaptive)`: what `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { parameterCount } = this.adversary;
    return `AdversarialVqVae(${parameterCount.toLocaleString("en-US")} parameters of the adversary, ${this.config.weighting.type})`;
  }

  /** The loss of reconstructed images; its gradient is taken here, by the images, and is handed on as it is. */
  #criterion({ output, levels, reconstruction }: ReconstructedImages, ramp: tf.Scalar | undefined, random: Random) {
    const pixels = levelsToPixels(levels, this.vqvae.config.maxValue);
    const augmented = drawAugmentation(this.config.augmentation, output.shape, random.fork("augmentation"));
    const statistics = new Map<string, tf.Tensor>();
    const seen = this.adversary.scores(augmented(pixels), augmented(output), { training: true, statistics });
    const adversaryTotal = this.adversary.loss({ real: seen.real.scores, fake: seen.fake.scores });
    const [realScore, fakeScore] = [tf.mean<tf.Scalar>(seen.real.scores), tf.mean<tf.Scalar>(seen.fake.scores)];
    const perceptual = this.#perceptualLoss(output, pixels, seen);
    const comparing = tf.add<tf.Scalar>(reconstruction, tf.mul(perceptual, this.config.perceptual.weight));
    const adversarial = tf.neg(fakeScore);
    const weighted = this.#weighted(output, { comparing, adversarial, ramp });
    const directions = [...statistics].map(([name, direction]) => [`${directionPrefix}${name}`, direction] as const);
    return {
      total: weighted.total,
      metrics: { perceptual, adversarial, adversarialWeight: weighted.weight, realScore, fakeScore },
      aux: {
        ...Object.fromEntries(directions),
        [`${prefix}total`]: adversaryTotal,
        [`${prefix}realScore`]: realScore,
        [`${prefix}fakeScore`]: fakeScore,
      },
    };
  }

  #perceptualLoss(output: tf.Tensor4D, pixels: tf.Tensor4D, { real, fake }: AdversaryOutput): tf.Scalar {
    const { features, weight } = this.config.perceptual;
    if (weight === 0) {
      return tf.scalar(0);
    }
    if (features === "discriminator") {
      return featureMatchingLoss(fake.features, real.features);
    }
    const [made, originals] = [this.#features!(output), this.#features!(pixels)];
    return featureMatchingLoss(made.map(unitFeatures), originals.map(unitFeatures));
  }

  /** comparing + λ · adversarial, whose gradient by the output is the sum of theirs, λ being held fixed. */
  #weighted(
    output: tf.Tensor4D,
    { comparing, adversarial, ramp }: { comparing: tf.Scalar; adversarial: tf.Scalar; ramp: tf.Scalar | undefined },
  ): { readonly total: tf.Scalar; readonly weight: tf.Scalar } {
    const { weighting } = this.config;
    if (ramp === undefined) {
      return { total: asLossOf(output, comparing, gradientBy(output, comparing)), weight: tf.scalar(0) };
    }
    if (weighting.type === "constant") {
      const weight = tf.mul<tf.Scalar>(ramp, weighting.weight);
      // Both in one pass back through the discriminator.
      const total = tf.add<tf.Scalar>(comparing, tf.mul(adversarial, weight));
      return { total: asLossOf(output, total, gradientBy(output, total)), weight };
    }
    const gradients = { reconstruction: gradientBy(output, comparing), adversarial: gradientBy(output, adversarial) };
    const adaptive = stopGradient(adaptiveWeight(output, this.#last, gradients));
    const weight = tf.mul<tf.Scalar>(ramp, tf.mul(adaptive, weighting.factor));
    const total = tf.add<tf.Scalar>(comparing, tf.mul(adversarial, weight));
    const gradient = tf.add<tf.Tensor4D>(gradients.reconstruction, tf.mul(gradients.adversarial, weight));
    return { total: asLossOf(output, total, stopGradient(gradient)), weight };
  }
}

function gradientBy(output: tf.Tensor4D, loss: tf.Scalar): tf.Tensor4D {
  return tapedGradients(loss, [output])[0] as tf.Tensor4D;
}

/** `value` as a function of `output` alone, with this gradient: nothing else is reached, neither networks nor weights. */
function asLossOf(output: tf.Tensor4D, value: tf.Scalar, gradient: tf.Tensor4D): tf.Scalar {
  return customGradient([output], {
    forward: (_output) => ({ value: tf.clone(value), saved: [gradient] }),
    gradient: (dy, [gradient]) => [tf.mul(gradient, dy)],
  });
}

/** The last weight of the decoder: of a convolution, or of a linear layer. */
function lastWeightOf(vqvae: VqVae): tf.Variable {
  const weights = [...decoderOf(vqvae).values()].filter(({ rank }) => rank >= 2);
  return weights.at(-1)!;
}

function decoderOf({ parameters }: VqVae): ReadonlyMap<string, tf.Variable> {
  return new Map([...parameters].filter(([name]) => name.startsWith("decoder.")));
}
