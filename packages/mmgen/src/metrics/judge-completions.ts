import { type CodeBatch, type ConfigError, concatImages, type ImageBatch, ShapeError } from "@mmgen/core";
import { type AttributeClassifier, type TwoKinds, twoSampleTest } from "@mmgen/evaluation";
import { checkFields } from "../model/check-arguments.js";
import { trainAttributeClassifier } from "../stages/train-attribute-classifier.js";

/** Options of {@link judgeCompletions}. */
export interface JudgeCompletionsOptions<Name extends string> {
  /** Codes of images to learn from, at least one, and of others to judge by, at least two; borrowed. */
  readonly codes: { readonly train: CodeBatch; readonly test: CodeBatch };
  /** By name, the test images' codes with all but the first `kept` of each drawn by a model; borrowed. */
  readonly completed: Readonly<Record<Name, CodeBatch>>;
  /** First codes of an image that were kept, less than it has. */
  readonly kept: number;
  /** The image tokenizer's decoder. */
  readonly decode: (codes: CodeBatch) => Promise<ImageBatch>;
  /** Training steps of the critic; of each verdict a quarter as many, twice. */
  readonly steps: number;
  readonly seed: number;
  /** Aborts with an `AbortedError` after the current training step. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Shares of images that a classifier of two kinds gets right, of images that it has not learned from. */
export interface CompletionVerdicts<Name extends string> {
  /** Test images as they are, against those whose end is another's; below .95 the verdicts do not count. */
  readonly control: number;
  /** Test images as they are, against completed ones, by the better of the control's critic, trained further, and a new one. */
  readonly byName: Readonly<Record<Name, number>>;
}

/**
 * Whether completions fit what was kept, as a critic sees it that looks at decoded images alone: 0.5 is a guess.
 *
 * The critic learns to tell reconstructions of training images from those whose end is another image's, and is asked about
 * test images. Trained further on half of the completed test images, it is asked which of the others are completed, and so
 * is a classifier that learns from these alone.
 *
 * @throws a {@link ShapeError} when completions are not as many as the test images, or an image keeps all its codes; a
 *   {@link ConfigError} for an option that is unknown; `AbortedError` when the signal fires.
 */
export async function judgeCompletions<const Name extends string>(
  options: JudgeCompletionsOptions<Name>,
): Promise<CompletionVerdicts<Name>> {
  checkFields("judgeCompletions", options, ["codes", "completed", "decode", "kept", "seed", "signal", "steps"]);
  const { codes, completed, decode, kept, steps } = options;
  const { test, train } = codes;
  if (!(Number.isInteger(kept) && kept >= 0 && kept < test.height * test.width)) {
    throw new ShapeError(`kept: expected some of the ${test.height * test.width} codes of an image, got ${kept}.`);
  }
  const learn = ({ images, labels }: TwoKinds, count: number, from?: AttributeClassifier<"changed">) =>
    trainAttributeClassifier({
      ...{ attributes: [{ name: "changed", classes: 2 }], images, labels: { changed: labels }, trunk: "image", from },
      ...{ steps: count, seed: options.seed, signal: options.signal },
    });
  const first = await decode(test);
  let learned: AttributeClassifier<"changed"> | undefined;
  const control = await twoSampleTest({
    first: concatImages([await decode(train), first]),
    second: concatImages([await decode(mixEnds(train, kept)), await decode(mixEnds(test, kept))]),
    trainCount: train.count,
    classify: async (kinds) => {
      learned = await learn(kinds, steps);
      return (await learned.predict(kinds.heldOut)).changed;
    },
  });
  using critic = learned!;
  const verdictOn = async (changed: CodeBatch) => {
    const second = await decode(changed);
    const accuracyFrom = async (from?: AttributeClassifier<"changed">) => {
      const classify = async (kinds: TwoKinds) => {
        using own = await learn(kinds, Math.ceil(steps / 4), from);
        return (await own.predict(kinds.heldOut)).changed;
      };
      return (await twoSampleTest({ first, second, classify })).accuracy;
    };
    return Math.max(await accuracyFrom(critic), await accuracyFrom());
  };
  const byName: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(completed) as Name[]) {
    byName[name] = await verdictOn(completed[name]);
  }
  return { control: control.accuracy, byName: byName as Record<Name, number> };
}

/** Each image's first codes, and the others of the image before it. */
function mixEnds(codes: CodeBatch, kept: number): CodeBatch {
  const size = codes.height * codes.width;
  const from = (i: number) => (i % size < kept ? i : (i - size + codes.data.length) % codes.data.length);
  return { ...codes, data: codes.data.map((_, i) => codes.data[from(i)]!) };
}
