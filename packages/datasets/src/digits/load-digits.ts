import { ConfigError } from "@mmgen/core";
import { gatherLabeled, type LabeledImages } from "../captions/labeled-images.js";
import { findMnist, type LoadMnistOptions, loadMnist, type Mnist } from "../mnist/load-mnist.js";
import { proceduralDigits } from "./procedural-digits.js";

/** Options of {@link loadDigits}. */
export interface LoadDigitsOptions extends LoadMnistOptions {
  /** `auto`, the default: MNIST where it can be had, else digits drawn from the seed. */
  readonly source?: "auto" | "mnist" | "procedural" | undefined;
  /** Of procedural digits; MNIST's are taken as they lie. */
  readonly seed: number;
  /** From the beginning of the training files. */
  readonly trainCount: number;
  /** From the end of the training files; default 0. */
  readonly validationCount?: number | undefined;
  /** From the beginning of the test files. */
  readonly testCount: number;
}

/** Gray digits in disjoint splits. */
export interface DigitSplits {
  readonly train: LabeledImages;
  readonly validation: LabeledImages;
  readonly test: LabeledImages;
  /** The source in use, one line for people. */
  readonly source: string;
}

/**
 * Loads or draws gray digits and splits them in the order of their files: of MNIST's 60 000 the first 50 000 to train on
 * and the last 10 000 to validate on is the split of many write-ups.
 *
 * @throws a `DataError` when the source cannot be had; for `auto` only when files are there but damaged.
 * @throws a {@link ConfigError} when the counts ask for more than there is.
 */
export async function loadDigits(options: LoadDigitsOptions): Promise<DigitSplits> {
  const { source = "auto" } = options;
  if (source === "procedural") {
    return drawDigits(options, "Procedural digits");
  }
  if (source === "mnist") {
    return splitInOrder(await loadMnist(options), options);
  }
  if (source !== "auto") {
    throw new ConfigError(`source: expected auto, mnist or procedural, got "${source}".`);
  }
  const found = await findMnist(options);
  return "unavailable" in found
    ? drawDigits(options, `Procedural digits, as there is no MNIST (${found.unavailable})`)
    : splitInOrder(found, options);
}

function splitInOrder({ train, test, source }: Mnist, options: LoadDigitsOptions): DigitSplits {
  const { trainCount, validationCount = 0, testCount } = options;
  const available = train.images.count;
  if (trainCount + validationCount > available || testCount > test.images.count) {
    throw new ConfigError(
      `loadDigits: ${trainCount} + ${validationCount} digits of ${available} and ${testCount} of ${test.images.count} ` +
        "are more than there are.",
    );
  }
  return {
    train: range(train, 0, trainCount),
    validation: range(train, available - validationCount, validationCount),
    test: range(test, 0, testCount),
    source: `${source}: ${countLine(options)}`,
  };
}

/** Numbers of the splits' first digits in the seed's endless sequence: no two sets can meet. */
const starts = { train: 0, validation: 2 ** 40, test: 2 ** 41 };

function drawDigits(options: LoadDigitsOptions, source: string): DigitSplits {
  const { seed, trainCount, validationCount = 0, testCount } = options;
  return {
    train: proceduralDigits({ seed, count: trainCount, start: starts.train }),
    validation: proceduralDigits({ seed, count: validationCount, start: starts.validation }),
    test: proceduralDigits({ seed, count: testCount, start: starts.test }),
    source: `${source}: ${countLine(options)}, seed ${seed}`,
  };
}

function range(digits: LabeledImages, start: number, count: number): LabeledImages {
  return gatherLabeled(
    digits,
    Int32Array.from({ length: count }, (_, i) => start + i),
  );
}

function countLine({ trainCount, validationCount = 0, testCount }: LoadDigitsOptions): string {
  const validation = validationCount > 0 ? `, ${validationCount} to validate` : "";
  return `${trainCount} to train${validation}, ${testCount} to test`;
}
