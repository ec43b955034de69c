import { ConfigError, Random } from "@mmgen/core";
import { type CaptionedDigits, gatherCaptioned } from "../captions/captioned-images.js";
import { gatherLabeled, type LabeledImages } from "../captions/labeled-images.js";
import type { ImageSplits } from "../mnist/colored-mnist.js";
import { type ColoredMnist, loadColoredMnist } from "../mnist/load-colored-mnist.js";
import { findMnist, type LoadMnistOptions, loadMnist, type Mnist } from "../mnist/load-mnist.js";
import { splitIndices } from "../splits/split-indices.js";
import { type ColorDigitsOptions, colorDigits } from "./color-digits.js";
import { proceduralDigits } from "./procedural-digits.js";

/** Where the digits come from: see {@link loadCaptionedDigits}. */
export type DigitSource = "auto" | "mnist" | "procedural" | "colored-mnist";

/** Options of {@link loadCaptionedDigits}. */
export interface LoadCaptionedDigitsOptions
  extends Pick<LoadMnistOptions, "dataDir" | "cacheDir" | "mirrors" | "connectTimeout" | "onMessage"> {
  /** Default `auto`. */
  readonly source?: DigitSource | undefined;
  readonly seed: number;
  /** Default: all of MNIST's that validation leaves; 60 000 procedural digits. */
  readonly trainCount?: number | undefined;
  /** Default 0. Taken from the training files, never from the test files. */
  readonly validationCount?: number | undefined;
  /** Default: all of MNIST's; 10 000 procedural digits. */
  readonly testCount?: number | undefined;
  readonly style?: ColorDigitsOptions["style"] | undefined;
}

/** Captioned digits in disjoint splits. */
export interface CaptionedDigitSplits {
  readonly train: CaptionedDigits;
  /** Empty unless `validationCount` was given. */
  readonly validation: CaptionedDigits;
  readonly test: CaptionedDigits;
  /** Further images without captions, for an image tokenizer alone; only `colored-mnist` has them. */
  readonly uncaptionedImages?: ImageSplits;
  /** The source in use, one line for people. */
  readonly source: string;
}

/**
 * Loads or draws digits, colors and captions them, and splits them.
 *
 * - `mnist`: {@link loadMnist} with its folders and download.
 * - `procedural`: {@link proceduralDigits}, which needs neither files nor a network.
 * - `colored-mnist`: {@link loadColoredMnist}'s images with their own colors and captions.
 * - `auto`: MNIST where it can be had, else procedural digits.
 *
 * The same seed, source and counts give the same examples; a smaller `trainCount` gives a part of the greater one's.
 *
 * @throws a `DataError` when the source cannot be had; for `auto` only when files are there but damaged.
 * @throws a {@link ConfigError} when the counts ask for more than the source has.
 */
export async function loadCaptionedDigits(options: LoadCaptionedDigitsOptions): Promise<CaptionedDigitSplits> {
  const { source = "auto" } = options;
  switch (source) {
    case "procedural":
      return drawSplits(options, "Procedural digits");
    case "colored-mnist":
      return splitColoredMnist(await loadColoredMnist(options.dataDir), options);
    case "mnist":
      return splitMnist(await loadMnist(options), options);
    case "auto": {
      const found = await findMnist(options);
      return "unavailable" in found
        ? drawSplits(options, `Procedural digits, as there is no MNIST (${found.unavailable})`)
        : splitMnist(found, options);
    }
    default:
      throw new ConfigError(`source: expected auto, mnist, procedural or colored-mnist, got "${source}".`);
  }
}

/** Numbers of the first example of each split among a source's endless or joined sequence of images. */
const proceduralStarts = { train: 0, validation: 2 ** 40, test: 2 ** 41 };

function drawSplits(options: LoadCaptionedDigitsOptions, source: string): CaptionedDigitSplits {
  const { seed, trainCount = 60_000, validationCount = 0, testCount = 10_000, style } = options;
  const draw = (count: number, start: number): CaptionedDigits =>
    colorDigits(proceduralDigits({ count, seed, start }), {
      seed,
      indices: Float64Array.from({ length: count }, (_, i) => start + i),
      ...(style && { style }),
    });
  return {
    train: draw(trainCount, proceduralStarts.train),
    validation: draw(validationCount, proceduralStarts.validation),
    test: draw(testCount, proceduralStarts.test),
    source: `${source}: ${countLine(trainCount, validationCount, testCount)}, seed ${seed}`,
  };
}

function splitMnist(mnist: Mnist, options: LoadCaptionedDigitsOptions): CaptionedDigitSplits {
  const { train, test } = mnist;
  const { seed, validationCount = 0, style } = options;
  const { trainCount = Math.max(0, train.images.count - validationCount), testCount = test.images.count } = options;
  const random = Random.fromSeed(seed).fork("splits");
  const sizes = { train: trainCount, validation: validationCount };
  const { train: trainIndices, validation } = splitIndices(train.images.count, sizes, random.fork("train"));
  const { test: testIndices } = splitIndices(test.images.count, { test: testCount }, random.fork("test"));
  // A test image's number follows those of all training images, so that no two images share their draws.
  const color = (digits: LabeledImages, indices: Int32Array, start: number): CaptionedDigits =>
    colorDigits(gatherLabeled(digits, indices), {
      seed,
      indices: indices.map((index) => start + index),
      ...(style && { style }),
    });
  return {
    train: color(train, trainIndices, 0),
    validation: color(train, validation, 0),
    test: color(test, testIndices, train.images.count),
    source: `${mnist.source}: ${countLine(trainCount, validationCount, testCount)}, seed ${seed}`,
  };
}

function splitColoredMnist(coloredMnist: ColoredMnist, options: LoadCaptionedDigitsOptions): CaptionedDigitSplits {
  const { train, test, uncaptionedImages } = coloredMnist;
  const { seed, validationCount = 0, style } = options;
  if (style !== undefined) {
    throw new ConfigError(
      "style: expected none with source colored-mnist, whose images are colored already. Leave it out.",
    );
  }
  const { trainCount = Math.max(0, train.images.count - validationCount), testCount = test.images.count } = options;
  const random = Random.fromSeed(seed).fork("splits");
  const sizes = { train: trainCount, validation: validationCount };
  const indices = splitIndices(train.images.count, sizes, random.fork("train"));
  const { test: testIndices } = splitIndices(test.images.count, { test: testCount }, random.fork("test"));
  return {
    train: gatherCaptioned(train, indices.train),
    validation: gatherCaptioned(train, indices.validation),
    test: gatherCaptioned(test, testIndices),
    uncaptionedImages,
    source: `${coloredMnist.source}: ${countLine(trainCount, validationCount, testCount)}, seed ${seed}`,
  };
}

function countLine(train: number, validation: number, test: number): string {
  return `${train} to train${validation > 0 ? `, ${validation} to validate` : ""}, ${test} to test`;
}
