import { type ForwardPass, filled, Module, Parameter } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { AdversarialConfig } from "./adversarial-config.js";
import { hingeLoss, lecamLoss, type Scores } from "./adversarial-losses.js";
import { type DiscriminatorOutput, PatchDiscriminator } from "./patch-discriminator.js";
import { RandomFeatures } from "./perceptual-features.js";

/** What the adversary says of a batch and of its reconstruction. */
export interface AdversaryOutput {
  readonly real: DiscriminatorOutput;
  readonly fake: DiscriminatorOutput;
}

/**
 * All that is learned or kept beside the model itself: the discriminator, the running means of its scores, the random
 * features.
 */
export class Adversary extends Module {
  static override readonly paths = { realScore: "lecam.real_score", fakeScore: "lecam.fake_score" };

  readonly discriminator: PatchDiscriminator;
  /** Running mean of the scores of originals, `[]`. */
  readonly realScore: Parameter<tf.Scalar> | undefined;
  /** Of reconstructions, `[]`. */
  readonly fakeScore: Parameter<tf.Scalar> | undefined;
  readonly features: RandomFeatures | undefined;
  readonly #lecam: AdversarialConfig["lecam"];

  constructor({ discriminator, lecam, perceptual }: AdversarialConfig, channels: number) {
    super();
    this.discriminator = new PatchDiscriminator({ channels, ...discriminator });
    const score = () => new Parameter<tf.Scalar>({ shape: [], initial: filled(0), role: "buffer" });
    this.realScore = lecam.weight > 0 ? score() : undefined;
    this.fakeScore = lecam.weight > 0 ? score() : undefined;
    this.features =
      perceptual.features === "random" && perceptual.weight > 0 ? new RandomFeatures(channels) : undefined;
    this.#lecam = lecam;
  }

  /** The discriminator's loss: hinge, and LeCAM where it has a weight. Yours to dispose. */
  loss({ real, fake }: Scores): tf.Scalar {
    const { realScore, fakeScore } = this;
    return tf.tidy(() => {
      const hinge = hingeLoss({ real, fake });
      if (realScore === undefined || fakeScore === undefined) {
        return hinge;
      }
      const lecam = lecamLoss({ real, fake }, { real: realScore.value, fake: fakeScore.value });
      return tf.add(hinge, tf.mul(lecam, this.#lecam.weight));
    });
  }

  /**
   * Scores originals and reconstructions with the same weights. Called within a `tf.tidy`, to which the scores belong.
   *
   * @param real - `[batch, height, width, channels]`, pixels in [−1, 1]; borrowed.
   * @param fake - Shaped as `real`; borrowed.
   */
  scores(real: tf.Tensor4D, fake: tf.Tensor4D, pass: ForwardPass): AdversaryOutput {
    const [ofReal, ofFake] = this.discriminator.forward([real, fake], pass);
    return { real: ofReal!, fake: ofFake! };
  }

  /**
   * Updates the buffers after a step. Called within a `tf.tidy`.
   *
   * @param directions - New directions of the spectral norms, by the names of the buffers; borrowed.
   * @param scores - Mean scores of the step; borrowed.
   */
  afterStep(directions: ReadonlyMap<string, tf.Tensor>, scores: Scores): void {
    for (const [name, direction] of directions) {
      this.buffers.get(name)?.assign(tf.clone(direction));
    }
    const { decay } = this.#lecam;
    for (const [parameter, score] of [
      [this.realScore, scores.real],
      [this.fakeScore, scores.fake],
    ] as const) {
      parameter?.variable.assign(tf.add(tf.mul(parameter.value, decay), tf.mul(score, 1 - decay)));
    }
  }
}
