import {
  type BatchContext,
  type CodeBatch,
  type ConfigError,
  concatImages,
  gatherImages,
  type ImageBatch,
  mirrorImages,
  Random,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import { augmentedImages } from "@mmgen/training";
import { checkFields } from "../model/check-arguments.js";
import { runStage } from "../stages/run-stage.js";
import { copyOf } from "../stages/train-attribute-classifier.js";

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
  /** Training steps of the critic, of 16 pairs each; each verdict takes a quarter as many twice, of five passes at most. */
  readonly steps: number;
  /**
   * The critic begins with the convolutions of this classifier of such images, of any attributes and form `image`, and
   * needs fewer steps; borrowed. Default: fresh ones.
   */
  readonly convolutionsOf?: AttributeClassifier | undefined;
  /**
   * Whether mirror images, left for right, are as good: the critic learns from them too, and is asked about an image and
   * its mirror image together. Default: false.
   */
  readonly mirrored?: boolean | undefined;
  readonly seed: number;
  /** Aborts with an `AbortedError` after the current training step. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Shares of images that a classifier of two kinds gets right, of images that it has not learned from. */
export interface CompletionVerdicts<Name extends string> {
  /** Test images as they are, against those whose end is another's; below .95 the verdicts do not count. */
  readonly control: number;
  /** Test images as they are, against completed ones, by the best of the critic, the critic trained further, and a new one. */
  readonly byName: Readonly<Record<Name, number>>;
}

/**
 * Whether completions fit what was kept, as a critic sees it that looks at decoded images alone: 0.5 is a guess.
 *
 * The critic learns to tell reconstructions of training images from those whose end is another image's, another one's each
 * time, and is asked about test images. As it is, and trained further on half of the completed test images, it is then asked
 * which of the others are completed, and so is a classifier that learns from that half alone.
 *
 * @throws a {@link ShapeError} when completions are not as many as the test images, or an image keeps all its codes; a
 *   {@link ConfigError} for an option that is unknown or a classifier of another form; `AbortedError` when the signal fires.
 */
export async function judgeCompletions<const Name extends string>(
  options: JudgeCompletionsOptions<Name>,
): Promise<CompletionVerdicts<Name>> {
  checkFields("judgeCompletions", options, [
    ...["codes", "completed", "convolutionsOf", "decode", "kept", "mirrored", "seed", "signal", "steps"],
  ]);
  const { codes, completed, decode, kept, steps } = options;
  const { test, train } = codes;
  if (!(Number.isInteger(kept) && kept >= 0 && kept < test.height * test.width)) {
    throw new ShapeError(`kept: expected some of the ${test.height * test.width} codes of an image, got ${kept}.`);
  }
  for (const name of Object.keys(completed) as Name[]) {
    if (completed[name].count !== test.count || test.count < 2) {
      throw new ShapeError(
        `completed.${name}: expected the test images, at least 2; there are ${test.count}, got ${completed[name].count}.`,
      );
    }
  }
  const mixed = (indices: Int32Array, random: Random) =>
    decode(mixEnds(train, kept, { indices, ends: indices.map((i) => otherThan(i, train.count, random)) }));
  using critic = await trainCritic({ first: await decode(train), second: mixed }, options);
  const first = await decode(test);
  const control = await shareRight(
    critic,
    { first, second: await decode(mixEnds(test, kept, inTurn(test.count))) },
    options,
  );
  const half = test.count >> 1;
  const verdictOn = async (changed: CodeBatch) => {
    const second = await decode(changed);
    const learned: Pairs = { first: sliceImages(first, 0, half), second: (indices) => gatherImages(second, indices) };
    const asked = { first: sliceImages(first, half, test.count), second: sliceImages(second, half, test.count) };
    const further = { ...options, steps: Math.ceil(Math.min(steps / 4, (5 * half) / pairsPerStep)) };
    using own = await trainCritic(learned, further);
    using both = await trainCritic(learned, further, critic);
    const shares: number[] = [];
    for (const judge of [critic, own, both]) {
      shares.push(await shareRight(judge, asked, options));
    }
    return Math.max(...shares);
  };
  const byName: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(completed) as Name[]) {
    byName[name] = await verdictOn(completed[name]);
  }
  return { control, byName: byName as Record<Name, number> };
}

const pairsPerStep = 16;

/** Images, and those of the other kind that go with some of them. */
interface Pairs {
  readonly first: ImageBatch;
  readonly second: (indices: Int32Array, random: Random) => ImageBatch | Promise<ImageBatch>;
}

/** Trains a classifier on images and what they are paired with, both of a pair in the same step, on from `from`. */
async function trainCritic(
  { first, second }: Pairs,
  {
    convolutionsOf,
    mirrored,
    seed,
    signal,
    steps,
  }: Omit<JudgeCompletionsOptions<string>, "codes" | "completed" | "decode" | "kept">,
  from?: AttributeClassifier<"changed">,
): Promise<AttributeClassifier<"changed">> {
  const random = Random.fromSeed(seed).fork("critic");
  const { height, width, channels, maxValue } = first;
  const attributes = [{ name: "changed", classes: 2 }] as const;
  const form = { attributes, height, width, channels, maxValue, trunk: "image" } as const;
  const { hiddenChannels } = convolutionsOf?.config ?? {};
  const fresh = { ...form, ...(hiddenChannels && { hiddenChannels }) };
  const draw = { random: random.fork("weights"), convolutionsOf };
  const critic = from ? await copyOf(from, form) : AttributeClassifier.create(fresh, draw);
  const batch = async (indices: Int32Array, { random }: BatchContext) => ({
    images: concatImages([gatherImages(first, indices), await second(indices, random)]),
    labels: { changed: Int32Array.from({ length: 2 * indices.length }, (_, i) => (i < indices.length ? 0 : 1)) },
  });
  await runStage({
    ...{ label: "critic", model: critic, seed, signal },
    examples: augmentedImages({ count: first.count, batch }, { flip: mirrored }),
    training: {
      ...{ optimizer: "muon", steps, batchSize: Math.min(pairsPerStep, first.count) },
      ...{ learningRate: 3e-3, warmUpSteps: Math.min(50, steps), weightDecay: 0.05, clipNorm: 1 },
    },
    random: random.fork("training"),
  });
  return critic;
}

/** The share of images of both kinds, as many of each, that a critic takes for what they are. */
async function shareRight(
  critic: AttributeClassifier<"changed">,
  { first, second }: { readonly first: ImageBatch; readonly second: ImageBatch },
  { mirrored = false }: Pick<JudgeCompletionsOptions<string>, "mirrored">,
): Promise<number> {
  const images = concatImages([first, second]);
  const views = mirrored ? [images, mirrorImages(images)] : [images];
  /** By image, how much more probable it is by all views that it is as it was: a log of odds. */
  const whole = new Float64Array(images.count);
  for (const view of views) {
    const { changed } = await critic.probabilities(view);
    for (let i = 0; i < whole.length; i++) {
      whole[i]! += Math.log((changed[2 * i]! + 1e-12) / (changed[2 * i + 1]! + 1e-12));
    }
  }
  return whole.filter((odds, i) => odds > 0 === i < first.count).length / whole.length;
}

/** The first codes of the images at `indices`, and the others of those at `ends`. */
function mixEnds(
  codes: CodeBatch,
  kept: number,
  { ends, indices }: { readonly indices: Int32Array; readonly ends: Int32Array },
): CodeBatch {
  const size = codes.height * codes.width;
  const data = new Int32Array(indices.length * size);
  for (const [row, index] of indices.entries()) {
    data.set(codes.data.subarray(ends[row]! * size, (ends[row]! + 1) * size), row * size);
    data.set(codes.data.subarray(index * size, index * size + kept), row * size);
  }
  return { ...codes, count: indices.length, data };
}

/** An image other than one of `count`, where there is another. */
function otherThan(index: number, count: number, random: Random): number {
  return count > 1 ? (index + 1 + random.integer(count - 1)) % count : index;
}

/** Each of `count` images with the end of the one before it. */
function inTurn(count: number): { readonly indices: Int32Array; readonly ends: Int32Array } {
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  return { indices, ends: indices.map((i) => (i + count - 1) % count) };
}
