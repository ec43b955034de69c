import { ConfigError } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  wholeNumber,
} from "@mmgen/core/options";
import { gatherLabeled, type LabeledImages } from "../captions/labeled-images.js";
import { findMnist, type Mnist, mnistFields, requireMnist } from "../mnist/load-mnist.js";
import { proceduralDigits } from "./procedural-digits.js";

const loadDigitsSchema = fields({
  /** `auto` (default): MNIST where it is available, else digits drawn from the seed. */
  source: optional(oneOf(["auto", "mnist", "procedural"]), "auto"),
  /** Seed of procedural digits; MNIST's keep the order of their files. */
  seed: wholeNumber(),
  /** Taken from the beginning of the training files. */
  trainCount: wholeNumber({ min: 0 }),
  /** Taken from the end of the training files; default 0. */
  validationCount: optional(wholeNumber({ min: 0 }), 0),
  /** Taken from the beginning of the test files. */
  testCount: wholeNumber({ min: 0 }),
  ...mnistFields,
});

/** Options of {@link loadDigits}. */
export type LoadDigitsOptions = OptionsOf<typeof loadDigitsSchema>;
type LoadDigitsConfig = ConfigOf<typeof loadDigitsSchema>;

/** Gray digits in disjoint splits. */
export interface DigitSplits {
  readonly train: LabeledImages;
  readonly validation: LabeledImages;
  readonly test: LabeledImages;
  /** The source in use, in one line: "MNIST (60000 + 10000) from /data/mnist: 50000 to train, 10000 to test". */
  readonly source: string;
}

/**
 * Loads or draws gray digits and splits them in the order of their files.
 *
 * Of MNIST's 60 000, the first 50 000 to train on and the last 10 000 to validate on is the split of many publications.
 *
 * @throws a `DataError` when the source is not available; with `auto` only when files in `dataDir` are damaged.
 * @throws a {@link ConfigError} when an option is unknown or out of range, or the counts exceed the source.
 */
export async function loadDigits(options: LoadDigitsOptions): Promise<DigitSplits> {
  const config = resolveOptions(loadDigitsSchema, options);
  if (config.source === "procedural") {
    return drawDigits(config, "Procedural digits");
  }
  if (config.source === "mnist") {
    return splitInOrder(await requireMnist(config), config);
  }
  const found = await findMnist(config);
  return "unavailable" in found
    ? drawDigits(config, `Procedural digits, as there is no MNIST (${found.unavailable})`)
    : splitInOrder(found, config);
}

/** Position of each split's first digit in the seed's endless sequence, so that no two splits overlap. */
export const proceduralStarts = { train: 0, validation: 2 ** 40, test: 2 ** 41 };

/** Sizes of the splits, as the source line states them. */
export function writeCounts({
  trainCount,
  validationCount,
  testCount,
}: Pick<LoadDigitsConfig, "trainCount" | "validationCount" | "testCount">): string {
  const validation = validationCount > 0 ? `, ${validationCount} to validate` : "";
  return `${trainCount} to train${validation}, ${testCount} to test`;
}

function splitInOrder({ train, test, source }: Mnist, config: LoadDigitsConfig): DigitSplits {
  const { trainCount, validationCount, testCount } = config;
  const available = train.images.count;
  if (trainCount + validationCount > available || testCount > test.images.count) {
    throw new ConfigError(
      `loadDigits: expected at most ${available} digits to train and validate and ${test.images.count} to test, ` +
        `got ${trainCount} + ${validationCount} and ${testCount}.`,
    );
  }
  return {
    train: range(train, 0, trainCount),
    validation: range(train, available - validationCount, validationCount),
    test: range(test, 0, testCount),
    source: `${source}: ${writeCounts(config)}`,
  };
}

function drawDigits(config: LoadDigitsConfig, source: string): DigitSplits {
  const { seed, trainCount, validationCount, testCount } = config;
  return {
    train: proceduralDigits({ seed, count: trainCount, start: proceduralStarts.train }),
    validation: proceduralDigits({ seed, count: validationCount, start: proceduralStarts.validation }),
    test: proceduralDigits({ seed, count: testCount, start: proceduralStarts.test }),
    source: `${source}: ${writeCounts(config)}, seed ${seed}`,
  };
}

function range(digits: LabeledImages, start: number, count: number): LabeledImages {
  return gatherLabeled(
    digits,
    Int32Array.from({ length: count }, (_, i) => start + i),
  );
}
