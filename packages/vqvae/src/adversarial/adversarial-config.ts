import type { Random } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optional,
  positiveNumber,
  resolveOptions,
  seededRandom,
  shareBelowOne,
  variant,
  variants,
  wholeNumber,
} from "@mmgen/core/options";
import { augmentationNames } from "./augmentation.js";
import { discriminatorSchema } from "./patch-discriminator.js";
import { type ImageFeatures, perceptualSchema } from "./perceptual-features.js";

const adaptiveSchema = variant("adaptive", {
  /** What the ratio of the gradients' norms is multiplied with. Default: 0.8. */
  factor: optional(positiveNumber(), 0.8),
});

const constantSchema = variant("constant", {
  /** Weight of the adversarial term beside the reconstruction loss. Default: 0.1. */
  weight: optional(number({ min: 0 }), 0.1),
});

const adversarialSchema = fields({
  /** The network that tells reconstructions from originals; its channels are the images'. Default: that of `PatchDiscriminator`. */
  discriminator: optional(discriminatorSchema, {}),
  /** The perceptual term of the reconstruction loss. Default: the discriminator's features, weight 1. */
  perceptual: optional(perceptualSchema, {}),
  /**
   * What learns: the whole VqVae, or its `decoder` alone, so that an image keeps its codes and all that was learned of them
   * stays true. Default: "all".
   */
  learns: optional(oneOf(["all", "decoder"]), "all"),
  /** Weight of the adversarial term. Default: `adaptive`. */
  weighting: optional(variants(adaptiveSchema, constantSchema), {}),
  /** Steps before the adversarial term counts; the discriminator learns from the first step on. Default: 1000. */
  startStep: optional(wholeNumber({ min: 0 }), 1000),
  /** Steps in which its weight grows from 0 to all of it. Default: 1000. */
  rampSteps: optional(wholeNumber({ min: 0 }), 1000),
  /** Holds the discriminator back on small data sets. Default: a weight of 0.001. */
  lecam: optional(
    fields({
      /** Weight of the regularization, usually 0.001 to 0.05; 0 for none. Default: 0.001. */
      weight: optional(number({ min: 0 }), 0.001),
      /** Share that the running means of the scores keep in a step. Default: 0.999. */
      decay: optional(shareBelowOne(), 0.999),
    }),
    {},
  ),
  /** How what the discriminator sees is augmented, originals and reconstructions alike. Default: not at all. */
  augmentation: optional(listOf(oneOf(augmentationNames)), []),
});

/** Options of an `AdversarialVqVae`; every field may be left out. */
export type AdversarialOptions = OptionsOf<typeof adversarialSchema>;
/** {@link AdversarialOptions} with every default filled in; plain JSON. */
export type AdversarialConfig = ConfigOf<typeof adversarialSchema>;

/**
 * Fills in the defaults and checks every field.
 *
 * @throws a `ConfigError` naming the fields that are unknown or out of range.
 */
export function resolveAdversarial(options: AdversarialOptions): AdversarialConfig {
  return resolveOptions(adversarialSchema, options);
}

/** What an `AdversarialVqVae` is made with beside its configuration. */
export interface AdversarialParts {
  /** Draws the discriminator's first weights. */
  readonly random: Random;
  /** Of `perceptual.features: "own"`. Default: none. */
  readonly features?: ImageFeatures | undefined;
}

const partsSchema = fields({ random: seededRandom(), features: optional(functionValue<ImageFeatures>()) });

/** Checks {@link AdversarialParts}, left out where a caller has no types. */
export function resolveAdversarialParts(parts: AdversarialParts): AdversarialParts {
  return resolveOptions(partsSchema, parts === undefined ? ({} as never) : parts) as AdversarialParts;
}

/** How much of the adversarial term's weight counts in the step after `step` steps, from 0 to 1. */
export function rampAt({ startStep, rampSteps }: AdversarialConfig, step: number): number {
  return step < startStep ? 0 : Math.min(1, (step - startStep + 1) / (rampSteps + 1));
}
