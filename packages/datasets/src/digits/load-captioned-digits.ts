import { Random } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  wholeNumber,
} from "@mmgen/core/options";
import { type CaptionedDigits, gatherCaptioned } from "../captions/captioned-images.js";
import { gatherLabeled, type LabeledImages } from "../captions/labeled-images.js";
import type { ImageSplits } from "../mnist/colored-mnist.js";
import { type ColoredMnist, loadColoredMnist } from "../mnist/load-colored-mnist.js";
import { findMnist, type Mnist, mnistFields, requireMnist } from "../mnist/load-mnist.js";
import { splitIndices } from "../splits/split-indices.js";
import { colorDigits, colorStyle } from "./color-digits.js";
import { proceduralStarts, writeCounts } from "./load-digits.js";
import { proceduralDigits } from "./procedural-digits.js";

const sources = ["auto", "mnist", "procedural", "colored-mnist"] as const;

/** Where the digits come from: see {@link loadCaptionedDigits}. */
export type DigitSource = (typeof sources)[number];

const { dataDir, cacheDir, mirrors, connectTimeout, onMessage, limits, signal } = mnistFields;

const loadCaptionedDigitsSchema = pipe(
  fields({
    /** Default `auto`. */
    source: optional(oneOf(sources), "auto"),
    /** Selects procedural digits, colors and splits. */
    seed: wholeNumber(),
    /** Default: all of MNIST's that validation leaves; 60 000 procedural digits. */
    trainCount: optional(wholeNumber({ min: 0 })),
    /** Taken from the training files, never from the test files; default 0. */
    validationCount: optional(wholeNumber({ min: 0 }), 0),
    /** Default: all of MNIST's; 10 000 procedural digits. */
    testCount: optional(wholeNumber({ min: 0 })),
    /** What takes a color, as in {@link colorDigits}; default `digit-and-background`. */
    style: optional(colorStyle),
    /** A folder with MNIST's files. Default: `MMGEN_DATA_DIR`, else none. */
    dataDir,
    /** Folder for downloads; see `loadMnist`. Default: `mmgen` in the platform's cache folder. */
    cacheDir,
    /** Web folders to download from, tried in order. Default: public mirrors. */
    mirrors,
    /** Milliseconds until the first mirror must have answered. Default: 5000. */
    connectTimeout,
    /** Receives what is found and downloaded. Default: none. */
    onMessage,
    /** What a file may take. Default: `defaultLimits`. */
    limits,
    /** Stops a download; what has arrived is kept. Default: none. */
    signal,
  }),
  rule("style", ({ source, style }) =>
    source === "colored-mnist" && style !== undefined
      ? `expected none with source "colored-mnist", whose images are colored already, got "${style}".`
      : undefined,
  ),
);

/** Options of {@link loadCaptionedDigits}. */
export type LoadCaptionedDigitsOptions = OptionsOf<typeof loadCaptionedDigitsSchema>;
type LoadCaptionedDigitsConfig = ConfigOf<typeof loadCaptionedDigitsSchema>;

/** Captioned digits in disjoint splits. */
export interface CaptionedDigitSplits {
  readonly train: CaptionedDigits;
  /** Empty unless `validationCount` was given. */
  readonly validation: CaptionedDigits;
  readonly test: CaptionedDigits;
  /** Further images without captions, for an image tokenizer alone; only `colored-mnist` has them. */
  readonly uncaptionedImages?: ImageSplits;
  /** The source in use, in one line. */
  readonly source: string;
}

/**
 * Loads or draws digits, colors and captions them, and splits them.
 *
 * - `mnist`: MNIST from a folder, the cache or a download, as `loadMnist` finds it.
 * - `procedural`: {@link proceduralDigits}, which needs neither files nor a network.
 * - `colored-mnist`: {@link loadColoredMnist}'s images with their own colors and captions.
 * - `auto`: MNIST where it is available, else procedural digits.
 *
 * The same seed, source and counts give the same examples; a smaller `trainCount` gives a subset of a larger one's.
 *
 * @throws a `DataError` when the source is not available; with `auto` only when files in `dataDir` are damaged.
 * @throws a `ConfigError` when an option is unknown or out of range, or the counts exceed the source.
 */
export async function loadCaptionedDigits(options: LoadCaptionedDigitsOptions): Promise<CaptionedDigitSplits> {
  const config = resolveOptions(loadCaptionedDigitsSchema, options);
  switch (config.source) {
    case "procedural":
      return drawSplits(config, "Procedural digits");
    case "colored-mnist":
      return splitColoredMnist(await loadColoredMnist(config.dataDir, config.limits), config);
    case "mnist":
      return splitMnist(await requireMnist(config), config);
    case "auto": {
      const found = await findMnist(config);
      return "unavailable" in found
        ? drawSplits(config, `Procedural digits, as there is no MNIST (${found.unavailable})`)
        : splitMnist(found, config);
    }
  }
}

function drawSplits(config: LoadCaptionedDigitsConfig, source: string): CaptionedDigitSplits {
  const { seed, trainCount = 60_000, validationCount, testCount = 10_000, style } = config;
  const draw = (count: number, start: number): CaptionedDigits =>
    colorDigits(proceduralDigits({ count, seed, start }), {
      seed,
      indices: Float64Array.from({ length: count }, (_, i) => start + i),
      style,
    });
  return {
    train: draw(trainCount, proceduralStarts.train),
    validation: draw(validationCount, proceduralStarts.validation),
    test: draw(testCount, proceduralStarts.test),
    source: `${source}: ${writeCounts({ trainCount, validationCount, testCount })}, seed ${seed}`,
  };
}

function splitMnist(mnist: Mnist, config: LoadCaptionedDigitsConfig): CaptionedDigitSplits {
  const { train, test } = mnist;
  const { seed, style } = config;
  const { indices, source } = drawIndices(mnist, config);
  // A test image's number follows those of all training images, so that no two images share their draws.
  const color = (digits: LabeledImages, chosen: Int32Array, start: number): CaptionedDigits =>
    colorDigits(gatherLabeled(digits, chosen), { seed, indices: chosen.map((index) => start + index), style });
  return {
    train: color(train, indices.train, 0),
    validation: color(train, indices.validation, 0),
    test: color(test, indices.test, train.images.count),
    source,
  };
}

function splitColoredMnist(data: ColoredMnist, config: LoadCaptionedDigitsConfig): CaptionedDigitSplits {
  const { indices, source } = drawIndices(data, config);
  return {
    train: gatherCaptioned(data.train, indices.train),
    validation: gatherCaptioned(data.train, indices.validation),
    test: gatherCaptioned(data.test, indices.test),
    uncaptionedImages: data.uncaptionedImages,
    source,
  };
}

/** Which images of a data set each split takes, and the line that says so. */
function drawIndices({ train, test, source }: Mnist | ColoredMnist, config: LoadCaptionedDigitsConfig) {
  const { seed, validationCount } = config;
  const { trainCount = Math.max(0, train.images.count - validationCount), testCount = test.images.count } = config;
  const random = Random.fromSeed(seed).fork("splits");
  const sizes = { train: trainCount, validation: validationCount };
  return {
    indices: {
      ...splitIndices(train.images.count, sizes, random.fork("train")),
      ...splitIndices(test.images.count, { test: testCount }, random.fork("test")),
    },
    source: `${source}: ${writeCounts({ trainCount, validationCount, testCount })}, seed ${seed}`,
  };
}
