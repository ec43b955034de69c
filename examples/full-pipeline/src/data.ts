import {
  type AttributeTable,
  CheckpointError,
  ConfigError,
  type ImageBatch,
  inFirstProcess,
  type ProcessGroup,
  readSafetensors,
  VocabularyError,
  writeSafetensors,
} from "@mmgen/core";
import {
  avatarAttributes,
  type CaptionedDigits,
  captionWords,
  celebaAttributes,
  palette,
  parseCaption,
} from "@mmgen/datasets";
import { loadAvatars, loadCaptionedDigits, loadImageFolder } from "@mmgen/datasets/node";
import {
  type AttributeClassifier,
  type AttributeLabels,
  AttributeClassifier as Classifier,
  tableLabels,
} from "@mmgen/evaluation";
import { describeRunData, fromCaller, type RunData, type RunFolder } from "@mmgen/example-harness";
import type { TrainingObserver } from "@mmgen/training";
import { checkRunId, type ModelParts, runIdOf, trainAttributeClassifier } from "mmgen";
import type { RunSettings } from "./config.js";

/** Images with their captions, and attributes that a classifier can learn. */
export interface CaptionedSet {
  readonly images: ImageBatch;
  readonly captions: readonly string[];
  /** Where the set has attributes. */
  readonly labels?: AttributeLabels<AttributeName> | undefined;
}

/** What a run learns from and is evaluated on. */
export interface RunDataset {
  readonly train: CaptionedSet;
  /** Training images kept aside; empty unless asked for. */
  readonly validation: CaptionedSet;
  readonly test: CaptionedSet;
  /** What images and captions have in common; undefined where it is not known. */
  readonly attributes?: SetAttributes | undefined;
  /** What is to be said beside the images, or images made from them. */
  readonly attribution?: string | undefined;
  /** Words of all captions where they are known beforehand; else they are those of the captions. */
  readonly words: readonly string[] | undefined;
  /** One line for people. */
  readonly source: string;
}

/** Something that images differ in and captions say: a digit's color, or whether a person wears glasses. */
export type AttributeName = string;

/** The attributes of a set of images, in the order they are reported in. */
export interface SetAttributes {
  /** Names of each attribute's classes. */
  readonly classes: Readonly<Record<AttributeName, readonly string[]>>;
  /** What captions say; -1, which is never right, where one does not tell. */
  readonly read: (captions: readonly string[]) => AttributeLabels<AttributeName>;
  /** The form of the classifier that tells them: of digits in one color on another, or of images of many colors. */
  readonly trunk: "digits" | "image";
}

const titles: Readonly<Record<AttributeName, string>> = { digitColor: "digit color", backgroundColor: "background" };
/** An attribute's name in the words people are shown. */
export function attributeTitle(name: AttributeName): string {
  return titles[name] ?? name;
}

const colorNames = palette.map(({ name }) => name);
export const digitAttributes: SetAttributes = {
  classes: {
    digit: Array.from({ length: 10 }, (_, digit) => String(digit)),
    digitColor: colorNames,
    backgroundColor: colorNames,
  },
  read: labelsOfCaptions,
  trunk: "digits",
};

/** Attributes of a table, as far as captions tell of them; `read` gives a table of captions. */
function tableAttributes(
  captions: readonly string[],
  read: (captions: readonly string[]) => AttributeTable,
): SetAttributes {
  const { attributes, labels } = read(captions);
  const told = attributes.filter((_, column) =>
    labels.some((each, i) => i % attributes.length === column && each >= 0),
  );
  return {
    classes: Object.fromEntries(told.map(({ name, values }) => [name, values])),
    read: (said) => {
      const all = tableLabels(read(said)).labels;
      return Object.fromEntries(told.map(({ name }) => [name, all[name]!]));
    },
    trunk: "image",
  };
}

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
  const dataset =
    data === "folder"
      ? await loadFolder(config.data, seed, options)
      : data === "avatars"
        ? await drawAvatars(config.data, seed, options)
        : await loadDigits(data);
  options.log(dataset.source);
  return dataset;

  async function loadDigits(source: Exclude<typeof data, "folder" | "avatars">): Promise<RunDataset> {
    const { trainCount, testCount } = config.data;
    const { dataDir, log: onMessage, validationCount } = options;
    const part = { trainCount, testCount, validationCount };
    const digits = await loadCaptionedDigits({ source, ...part, seed, dataDir, onMessage });
    const [train, validation, test] = [digits.train, digits.validation, digits.test].map(labeled);
    return {
      train: train!,
      validation: validation!,
      test: test!,
      words: captionWords,
      source: digits.source,
      attributes: digitAttributes,
    };
  }
}

async function drawAvatars(
  { side, testCount, trainCount }: RunSettings["config"]["data"],
  seed: number,
  { log: onMessage, signal, validationCount = 0 }: DataOptions,
): Promise<RunDataset> {
  const drawn = await loadAvatars({
    ...{ trainCount, testCount, validationCount, side, seed, onMessage },
    ...(signal && { signal }),
  });
  return { ...withAttributes(drawn, avatarAttributes), source: drawn.source, attribution: drawn.attribution };
}

/** Splits whose captions say what a table knows of the images. */
function withAttributes(
  splits: Pick<RunDataset, "train" | "validation" | "test">,
  read: (captions: readonly string[]) => AttributeTable,
) {
  const attributes = tableAttributes(splits.test.captions, read);
  const labeledSet = ({ captions, images }: CaptionedSet) => ({ images, captions, labels: attributes.read(captions) });
  const [train, validation, test] = [splits.train, splits.validation, splits.test].map(labeledSet);
  return { train: train!, validation: validation!, test: test!, words: undefined, attributes };
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
  return splits.train.attributes === undefined
    ? { ...splits, train, words: undefined, source }
    : { ...withAttributes({ ...splits, train }, celebaAttributes), source };
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
  readonly group?: ProcessGroup | undefined;
}

/**
 * The attribute classifier of a run's checkpoints, or one trained now on real images and kept there.
 *
 * @returns Yours to dispose; undefined where the images have no attributes.
 * @throws a {@link CheckpointError} when the file is damaged, or of another run than the models.
 */
export async function loadOrTrainClassifier(
  { attributes, train: { images, labels } }: Pick<RunDataset, "attributes" | "train">,
  { folder, group, models, observers, settings, signal }: ClassifierOptions,
): Promise<AttributeClassifier<AttributeName> | undefined> {
  if (labels === undefined || attributes === undefined) {
    return undefined;
  }
  const bytes = await inFirstProcess(group, () => folder.read("classifier.safetensors"));
  if (bytes !== undefined) {
    const classifier = parseClassifier(bytes, Object.keys(attributes.classes));
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
    ...{ images, labels, steps, trunk: attributes.trunk, seed: settings.seed, observers, signal, group },
    attributes: Object.entries(attributes.classes).map(([name, { length }]) => ({ name, classes: length })),
  });
  await folder.write("classifier.safetensors", await classifier.toSafetensors({ run: await runIdOf(models) }));
  return classifier;
}

function parseClassifier(bytes: Uint8Array, expected: readonly AttributeName[]): AttributeClassifier<AttributeName> {
  const { tensors, metadata } = readSafetensors(bytes);
  // Written before the attributes were spelled digitColor and backgroundColor.
  const config = metadata.config?.replaceAll("Colour", "Color");
  const current =
    config === metadata.config ? bytes : writeSafetensors({ tensors, metadata: { ...metadata, config: config! } });
  const classifier = Classifier.fromSafetensors(current);
  const names = classifier.config.attributes.map(({ name }) => name);
  if (names.join() !== expected.join()) {
    classifier.dispose();
    throw new CheckpointError(`classifier.safetensors tells ${names.join(", ")}; expected ${expected.join(", ")}.`);
  }
  return classifier as AttributeClassifier<AttributeName>;
}
