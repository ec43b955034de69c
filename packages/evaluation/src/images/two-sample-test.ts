import { checkImageBatch, concatImages, type ImageBatch, ShapeError, sliceImages } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import { checkAlike } from "./nearest-images.js";

/** What a classifier of two kinds of images learns from, and what it is asked about. */
export interface TwoKinds {
  /** To learn from: those of the first kind, then as many of the second; borrowed. */
  readonly images: ImageBatch;
  /** The kind of each of them, 0 or 1, `[images.count]`. */
  readonly labels: Int32Array;
  /** Whose kind it is to tell. */
  readonly heldOut: ImageBatch;
}

/** Options of {@link twoSampleTest}. */
export interface TwoSampleTestOptions {
  /** Images of the first kind, `[count, height, width, channels]`; borrowed. */
  readonly first: ImageBatch;
  /**
   * Images of the second kind, as many, of the same shape and range; borrowed. Where both kinds are made of the same
   * images, row by row, what is made of one image is never on different sides of the split.
   */
  readonly second: ImageBatch;
  /** Images of each kind, the first ones, that the classifier learns from; it is asked about the others. Default: half. */
  readonly trainCount?: number | undefined;
  /** Trains a classifier of two classes and asks it; the kind of each held-out image, 0 or 1, `[heldOut.count]`. */
  readonly classify: (kinds: TwoKinds) => Promise<ArrayLike<number>>;
}

/** How well a classifier tells two kinds of images apart. */
export interface TwoSampleResult {
  /** Share of the held-out images whose kind it is right about; about 0.5 where the kinds are alike. */
  readonly accuracy: number;
  /** Held-out images of both kinds together. */
  readonly count: number;
  /** Probability that guesses are right about as large a share or a larger one. */
  readonly pValue: number;
}

const batch = value<ImageBatch>("a batch of images", (candidate) => candidate instanceof Object);
const twoSampleSchema = fields({
  first: batch,
  second: batch,
  trainCount: optional(wholeNumber({ min: 1 })),
  classify: functionValue<TwoSampleTestOptions["classify"]>(),
});

/**
 * Classifier two-sample test: whether two sets of images are alike, as a classifier that is trained to tell them apart
 * sees it on images that it was not trained on.
 *
 * An accuracy near 0.5 says that this classifier finds no difference, not that there is none. So it needs a control: the
 * same classifier, trained as long on as many images, must tell a difference that is known to be there.
 *
 * @throws a {@link ShapeError} when the sets differ in count, shape or range, nothing is left to learn from or to ask
 *   about, or `classify` does not answer 0 or 1 for each image; a `ConfigError` for an option that is unknown or out of
 *   range; whatever `classify` throws.
 * @see Lopez-Paz and Oquab 2017, https://arxiv.org/abs/1610.06545
 */
export async function twoSampleTest(options: TwoSampleTestOptions): Promise<TwoSampleResult> {
  const { classify, first, second, trainCount: asked } = resolveOptions(twoSampleSchema, options);
  checkImageBatch(first, "first");
  checkImageBatch(second, "second");
  checkAlike("second", second, first);
  const trainCount = asked ?? Math.floor(first.count / 2);
  if (first.count !== second.count || trainCount < 1 || trainCount >= first.count) {
    throw new ShapeError(
      `twoSampleTest: expected as many images of each kind, more than the ${trainCount} to learn from, got ${first.count} and ${second.count}.`,
    );
  }
  const part = (start: number, end: number) => {
    const images = concatImages([first, second].map((kind) => sliceImages(kind, start, end)));
    return { images, labels: Int32Array.from({ length: images.count }, (_, i) => (i < end - start ? 0 : 1)) };
  };
  const heldOut = part(trainCount, first.count);
  const found = await classify({ ...part(0, trainCount), heldOut: heldOut.images });
  const { length: count } = heldOut.labels;
  checkAnswers(found, count);
  const correct = heldOut.labels.reduce((sum, label, i) => sum + (found[i] === label ? 1 : 0), 0);
  return { accuracy: correct / count, count, pValue: guessProbability(correct, count) };
}

function checkAnswers(found: ArrayLike<number>, count: number): void {
  if (found?.length !== count) {
    throw new ShapeError(`classify: expected the kinds of ${count} images, got ${found?.length ?? "none"}.`);
  }
  for (let i = 0; i < count; i++) {
    if (found[i] !== 0 && found[i] !== 1) {
      throw new ShapeError(`classify: expected 0 or 1 for each image, got ${found[i]} at index ${i}.`);
    }
  }
}

/** The probability of at least `correct` heads in `count` throws of a fair coin, summed from the rarest. */
function guessProbability(correct: number, count: number): number {
  // log of "count over k" / 2^count, from k = count down.
  let logarithm = -count * Math.LN2;
  let sum = Math.exp(logarithm);
  for (let k = count; k > correct; k--) {
    logarithm += Math.log(k / (count - k + 1));
    sum += Math.exp(logarithm);
  }
  return Math.min(1, sum);
}
