import {
  CheckpointError,
  ConfigError,
  type ImageBatch,
  readSafetensors,
  VocabularyError,
  writeSafetensors,
} from "@mmgen/core";
import { type CaptionedDigits, captionWords, palette, parseCaption } from "@mmgen/datasets";
import { loadCaptionedDigits, loadImageFolder } from "@mmgen/datasets/node";
import { type AttributeClassifier, type AttributeLabels, AttributeClassifier as Classifier } from "@mmgen/evaluation";
import { describeRunData, fromCaller, type RunData, type RunFolder } from "@mmgen/example-harness";
import type { TrainingObserver } from "@mmgen/training";
import { checkRunId, type ModelParts, runIdOf, trainAttributeClassifier } from "mmgen";
import type { RunSettings } from "./config.js";

/** Images with their captions; digits have attributes that a classifier can learn. */
export interface CaptionedSet {
  readonly images: ImageBatch;
  readonly captions: readonly string[];
  /** Of digits alone. */
  readonly labels?: AttributeLabels<AttributeName> | undefined;
}

/** What a run learns from and is evaluated on. */
export interface RunDataset {
  readonly train: CaptionedSet;
  /** Training images kept aside; empty unless asked for. */
  readonly validation: CaptionedSet;
  readonly test: CaptionedSet;
  /** Words of all captions where they are known beforehand; else they are those of the captions. */
  readonly words: readonly string[] | undefined;
  /** One line for people. */
  readonly source: string;
}

/** What the caption of a digit says of its image. */
export type AttributeName = "digit" | "digitColor" | "backgroundColor";

/** The attributes in the order they are reported in, with the words people are shown. */
export const attributeTitles: Readonly<Record<AttributeName, string>> = {
  digit: "digit",
  digitColor: "digit color",
  backgroundColor: "background",
};

const colorNames = palette.map(({ name }) => name);

/** Names of each attribute's classes. */
export const attributeClasses: Readonly<Record<AttributeName, readonly string[]>> = {
  digit: Array.from({ length: 10 }, (_, digit) => String(digit)),
  digitColor: colorNames,
  backgroundColor: colorNames,
};

const attributes = (Object.keys(attributeTitles) as AttributeName[]).map((name) => ({
  name,
  classes: attributeClasses[name].length,
}));

/** Surroundings of {@link loadData}. */
export interface DataOptions {
  readonly dataDir: string | undefined;
  /** Training images to keep aside. Default 0. */
  readonly validationCount?: number | undefined;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Loads, draws or reads the images of a run with their captions, and logs where they come from. */
export async function loadData({ config, data, seed }: RunSettings, options: DataOptions): Promise<RunDataset> {
  const dataset = data === "folder" ? await loadFolder(config.data, seed, options) : await loadDigits(data);
  options.log(dataset.source);
  return dataset;

  async function loadDigits(source: Exclude<typeof data, "folder">): Promise<RunDataset> {
    const { trainCount, testCount } = config.data;
    const { dataDir, log: onMessage, validationCount } = options;
    const digits = await loadCaptionedDigits({
      source,
      trainCount,
      testCount,
      validationCount,
      seed,
      dataDir,
      onMessage,
    });
    const [train, validation, test] = [digits.train, digits.validation, digits.test].map(labeled);
    return { train: train!, validation: validation!, test: test!, words: captionWords, source: digits.source };
  }
}

async function loadFolder(
  { trainCount, testCount, side, maxValue }: RunSettings["config"]["data"],
  seed: number,
  { dataDir, log, signal, validationCount = 0 }: DataOptions,
): Promise<RunDataset> {
  if (dataDir === undefined) {
    throw new ConfigError("--data folder: name the folder of images with --data-dir.");
  }
  const read = (counts: { testCount: number; validationCount: number }) =>
    loadImageFolder({ folder: fromCaller(dataDir), side, maxValue, seed, ...counts, onMessage: log, signal });
  const all = await read({ testCount: 0, validationCount: 0 });
  const total = all.train.images.count;
  // A tenth at most, so that a small folder still has something to learn from.
  const tested = Math.max(1, Math.min(testCount, Math.floor(total / 10)));
  const kept = Math.min(validationCount, Math.floor((total - tested) / 2));
  if (total < 2) {
    throw new ConfigError(`--data folder: ${dataDir} has ${total} image; expected at least two.`);
  }
  const { source, ...splits } = await read({ testCount: tested, validationCount: kept });
  if (splits.train.captions.every((caption) => caption === "")) {
    throw new ConfigError(
      `--data folder: the images in ${dataDir} have no captions. Add captions.csv with the columns file_name and text, a text file beside each image, or a folder for each kind.`,
    );
  }
  const count = Math.min(trainCount, splits.train.images.count);
  const train = count < splits.train.images.count ? firstOf(splits.train, count) : splits.train;
  return { ...splits, train, words: undefined, source };
}

/** The first of some captioned images, as views of the same memory. */
export function firstOf<Pairs extends CaptionedSet>(pairs: Pairs, limit: number): CaptionedSet {
  const { images, captions, labels } = pairs;
  const count = Math.min(limit, images.count);
  const size = images.height * images.width * images.channels;
  const cut =
    labels && Object.fromEntries(Object.entries(labels).map(([name, all]) => [name, Array.from(all).slice(0, count)]));
  return {
    images: { ...images, data: images.data.subarray(0, count * size), count },
    captions: captions.slice(0, count),
    ...(cut && { labels: cut as unknown as AttributeLabels<AttributeName> }),
  };
}

function labeled(digits: CaptionedDigits): CaptionedSet {
  const { images, captions, digits: digit, digitColors: digitColor, backgroundColors: backgroundColor } = digits;
  return { images, captions, labels: { digit, digitColor, backgroundColor } };
}

/** A checksum of what a run learns from, for its record. */
export function describeData({ source, train }: RunDataset): RunData {
  return describeRunData(source, [train.images.data, train.captions]);
}

/** What captions of digits say; −1, which is never right, where one names no digit or no color of the palette. */
export function labelsOfCaptions(captions: readonly string[]): AttributeLabels<AttributeName> {
  const read = captions.map((caption) => {
    try {
      return parseCaption(caption);
    } catch (error) {
      if (VocabularyError.isInstance(error)) {
        return { digit: -1, digitColor: -1, backgroundColor: -1 };
      }
      throw error;
    }
  });
  return {
    digit: read.map(({ digit }) => digit),
    digitColor: read.map(({ digitColor }) => digitColor),
    backgroundColor: read.map(({ backgroundColor }) => backgroundColor),
  };
}

/** Surroundings of {@link loadOrTrainClassifier}. */
export interface ClassifierOptions {
  readonly settings: RunSettings;
  readonly folder: Pick<RunFolder, "read" | "write">;
  /** Of the same run. */
  readonly models: Pick<ModelParts, "tokenizer" | "vqvae">;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * The attribute classifier of a run's checkpoints, or one trained now on real images and kept there.
 *
 * @returns Yours to dispose; undefined where the images have no attributes.
 * @throws a {@link CheckpointError} when the file is damaged, or of another run than the models.
 */
export async function loadOrTrainClassifier(
  { images, labels }: CaptionedSet,
  { folder, models, observers, settings, signal }: ClassifierOptions,
): Promise<AttributeClassifier<AttributeName> | undefined> {
  if (labels === undefined) {
    return undefined;
  }
  const bytes = await folder.read("classifier.safetensors");
  if (bytes !== undefined) {
    const classifier = parseClassifier(bytes);
    try {
      await checkRunId("classifier.safetensors", classifier.run, models);
    } catch (error) {
      classifier.dispose();
      throw error;
    }
    return classifier;
  }
  const steps = settings.config.evaluation.classifierSteps;
  const classifier = await trainAttributeClassifier<AttributeName>({
    ...{ attributes, images, labels, steps, seed: settings.seed, observers, signal },
  });
  await folder.write("classifier.safetensors", await classifier.toSafetensors({ run: await runIdOf(models) }));
  return classifier;
}

function parseClassifier(bytes: Uint8Array): AttributeClassifier<AttributeName> {
  const { tensors, metadata } = readSafetensors(bytes);
  // Written before the attributes were spelled digitColor and backgroundColor.
  const config = metadata.config?.replaceAll("Colour", "Color");
  const current =
    config === metadata.config ? bytes : writeSafetensors({ tensors, metadata: { ...metadata, config: config! } });
  const classifier = Classifier.fromSafetensors(current);
  const names = classifier.config.attributes.map(({ name }) => name);
  if (names.join() !== attributes.map(({ name }) => name).join()) {
    classifier.dispose();
    throw new CheckpointError(
      `classifier.safetensors tells ${names.join(", ")}; expected ${attributes.map(({ name }) => name).join(", ")}.`,
    );
  }
  return classifier as AttributeClassifier<AttributeName>;
}
