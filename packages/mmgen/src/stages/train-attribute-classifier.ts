import { ConfigError, type ImageBatch, Random } from "@mmgen/core";
import {
  type Attribute,
  AttributeClassifier,
  type AttributeClassifierConfig,
  type AttributeLabels,
  attributeExamples,
} from "@mmgen/evaluation";
import { checkFields } from "../model/check-arguments.js";
import { runStage, type StageOptions, stageFields } from "./run-stage.js";

/** Options of {@link trainAttributeClassifier}. */
export interface TrainAttributeClassifierOptions<Name extends string> extends Omit<StageOptions, "training"> {
  /** What to tell of an image, and how many classes each has. */
  readonly attributes: readonly Attribute<Name>[];
  /** Real images; a classifier that scores generated ones must never have seen such; borrowed. */
  readonly images: ImageBatch;
  /** The class of each image, by attribute. */
  readonly labels: AttributeLabels<Name>;
  /** Optimizer steps. */
  readonly steps: number;
  /** The network's form, see `AttributeClassifier`: `image` for images of many colors. Default: `digits`. */
  readonly trunk?: "digits" | "image" | undefined;
  /**
   * Goes on from a copy of this classifier, of the same attributes and form and for images of this shape; borrowed.
   * Default: fresh weights.
   */
  readonly from?: AttributeClassifier<Name> | undefined;
}

/**
 * Trains a classifier that names the attributes of real images, to score generated images with.
 *
 * @returns The classifier; yours to dispose.
 * @throws a {@link ConfigError} when `from` is a classifier of something else.
 * @throws an `AbortedError` when the signal fires.
 */
export async function trainAttributeClassifier<const Name extends string>(
  options: TrainAttributeClassifierOptions<Name>,
): Promise<AttributeClassifier<Name>> {
  checkFields("trainAttributeClassifier", options, [
    ...stageFields,
    "attributes",
    "from",
    "images",
    "labels",
    "steps",
    "trunk",
  ]);
  const { attributes, images, labels, steps, trunk = "digits" } = options;
  const { height, width, channels, maxValue } = images;
  const random = Random.fromSeed(options.seed).fork("attributes");
  const form = { attributes, height, width, channels, maxValue, trunk };
  const classifier =
    options.from === undefined
      ? AttributeClassifier.create(form, { random: random.fork("weights") })
      : await copyOf(options.from, form);
  await runStage({
    ...{ ...options, label: "attribute classifier", model: classifier, examples: attributeExamples(images, labels) },
    training: { ...trainingOf(trunk, images.count), steps, warmUpSteps: Math.min(50, steps) },
    random: random.fork("training"),
  });
  return classifier;
}

type Form<Name extends string> = Pick<
  AttributeClassifierConfig<Name>,
  "attributes" | "height" | "width" | "channels" | "maxValue" | "trunk"
>;

/**
 * A copy of a classifier, where it has the form that is asked for; yours to dispose.
 *
 * @throws a {@link ConfigError} where it is of something else.
 */
export async function copyOf<Name extends string>(
  from: AttributeClassifier<Name>,
  form: Form<Name>,
): Promise<AttributeClassifier<Name>> {
  const [expected, found] = [describeForm(form), describeForm(from.config)];
  if (found !== expected) {
    throw new ConfigError(`from: expected a classifier of ${expected}, got one of ${found}.`);
  }
  return AttributeClassifier.fromSafetensors(await from.toSafetensors()) as AttributeClassifier<Name>;
}

/** `digit (10) in 28 × 28 × 3 levels up to 255, "image"`. */
function describeForm({ attributes, channels, height, maxValue, trunk, width }: Form<string>): string {
  const names = attributes.map(({ classes, name }) => `${name} (${classes})`).join(", ");
  return `${names} in ${height} × ${width} × ${channels} levels up to ${maxValue}, "${trunk}"`;
}

function trainingOf(trunk: "digits" | "image", count: number) {
  return trunk === "digits"
    ? { batchSize: 128, learningRate: 0.01, weightDecay: 0.05 }
    : { batchSize: Math.min(32, count), learningRate: 3e-3, weightDecay: 0.05, clipNorm: 1 };
}
