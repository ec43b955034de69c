import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  type AttributeTable,
  type CodeBatch,
  ConfigError,
  type ExampleSource,
  gatherAttributes,
  gatherImages,
  type ImageBatch,
  inFirstProcess,
  mirrorImages,
  Random,
  sliceImages,
  type TokenBatch,
} from "@mmgen/core";
import { type LoadImageFolderOptions, loadAvatars, loadImageFolder } from "@mmgen/datasets/node";
import { AttributeClassifier, tableLabels } from "@mmgen/evaluation";
import { describeRunData, fromCaller, type RunContext, type RunData, stageOf } from "@mmgen/example-harness";
import { corruptBatch, type KernelOptions } from "@mmgen/samplers";
import type { TransformerBatch } from "@mmgen/tiny-transformer";
import { augmentedImages, imageExamples, tokenExamples } from "@mmgen/training";
import * as observing from "@mmgen/training/node";
import type { VqVae } from "@mmgen/vqvae";
import { sharedCodes, trainAttributeClassifier } from "mmgen";
import { cachedCodes } from "mmgen/node";
import type { RunConfig, RunSettings } from "./config.js";

/** Images, and what is known of each where anything is. */
export interface FaceSet {
  readonly images: ImageBatch;
  readonly attributes?: AttributeTable | undefined;
}

/** What a run learns from and is evaluated on. */
export interface RunDataset {
  readonly train: FaceSet;
  readonly test: FaceSet;
  /** One line for people. */
  readonly source: string;
  /** What is to be said beside the images, or images made from them. */
  readonly attribution?: string | undefined;
}

/** Surroundings of {@link loadData}. */
export interface DataOptions {
  readonly dataDir: string | undefined;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Draws avatars or reads a folder's images, and logs where they come from. */
export async function loadData(settings: RunSettings, options: DataOptions): Promise<RunDataset> {
  const dataset =
    settings.data === "folder" ? await loadFolder(settings, options) : await drawAvatars(settings, options);
  options.log(dataset.source);
  return dataset;
}

async function drawAvatars({ config, seed }: RunSettings, { log, signal }: DataOptions): Promise<RunDataset> {
  const { side, testCount, trainCount } = config.data;
  const { attribution, source, test, train } = await loadAvatars({
    ...{ trainCount, testCount, side, seed, onMessage: log },
    ...(signal && { signal }),
  });
  return { train, test, source, attribution };
}

async function loadFolder({ config, seed }: RunSettings, options: DataOptions): Promise<RunDataset> {
  const { dataDir, log: onMessage, signal } = options;
  if (dataDir === undefined) {
    throw new ConfigError("--data folder: name the folder of images with --data-dir.");
  }
  const { crop, side, testCount, trainCount } = config.data;
  const folder = fromCaller(dataDir);
  const form: LoadImageFolderOptions = {
    ...{ folder, side, seed, onMessage, captions: hasCelebaTable(folder) ? "celeba-attributes" : "none" },
    ...(crop !== undefined && { crop: { height: crop, width: crop } }),
    ...(signal && { signal }),
  };
  const { source, train: all } = await loadImageFolder(form);
  const total = all.images.count;
  // A tenth at most, so that a small folder still has something to learn from.
  const tested = Math.min(testCount, Math.floor(total / 10));
  if (tested < 4) {
    throw new ConfigError(`--data folder: ${dataDir} has ${total} images; expected at least 40.`);
  }
  const order = Random.fromSeed(seed).fork("test images").permutation(total);
  return {
    train: gather(all, order.subarray(tested, tested + trainCount)),
    test: gather(all, order.subarray(0, tested)),
    source: `${source}; ${Math.min(trainCount, total - tested)} to train, ${tested} to test`,
  };
}

/** Whether a folder has CelebA's table of attributes, where `loadImageFolder` looks for it. */
function hasCelebaTable(folder: string): boolean {
  const places = /^img_align_celeba/i.test(basename(folder)) ? [folder, dirname(folder)] : [folder];
  return places.some((place) =>
    ["list_attr_celeba.txt", "list_attr_celeba.csv"].some((name) => existsSync(join(place, name))),
  );
}

function gather({ attributes, images }: FaceSet, indices: Int32Array): FaceSet {
  return {
    images: gatherImages(images, indices),
    ...(attributes && { attributes: gatherAttributes(attributes, indices) }),
  };
}

/** The first of some images; their levels are views of the same memory. */
export function firstOf({ attributes, images }: FaceSet, limit: number): FaceSet {
  const count = Math.min(limit, images.count);
  const rows = Int32Array.from({ length: count }, (_, i) => i);
  return {
    images: sliceImages(images, 0, count),
    ...(attributes && { attributes: gatherAttributes(attributes, rows) }),
  };
}

/** A checksum of what a run learns from, for its record. */
export function describeData({ source, train }: RunDataset): RunData {
  return describeRunData(source, [train.images.data]);
}

/** Codes as rows of ids, a view of the same memory. */
export function asTokens({ count, data, height, width }: CodeBatch): TokenBatch {
  return { data, count, length: height * width };
}

/** Every code is legal at every position, and the mask at none. */
export function legalCodes(length: number, codebookSize: number) {
  return { from: new Int32Array(length), to: new Int32Array(length).fill(codebookSize) };
}

/** Codes with the start before them as inputs, and the codes as targets. */
export function nextCodes(
  { codebookSize }: Pick<VqVae, "codebookSize">,
  codes: CodeBatch,
): ExampleSource<TransformerBatch> {
  const rows = tokenExamples(asTokens(codes));
  return {
    count: rows.count,
    batch: async (indices, context) => {
      const targets = await rows.batch(indices, context);
      const data = new Int32Array(targets.data.length);
      data.set(targets.data.subarray(0, -1), 1);
      for (let row = 0; row < targets.count; row++) {
        data[row * targets.length] = codebookSize;
      }
      return { inputs: { ...targets, data }, targets };
    },
  };
}

/** Codes corrupted anew each time they are seen. */
export function corruptedCodes(
  { codebookSize }: Pick<VqVae, "codebookSize">,
  codes: CodeBatch,
  kernel: KernelOptions,
): ExampleSource<TransformerBatch> {
  const rows = tokenExamples(asTokens(codes));
  const legal = legalCodes(codes.height * codes.width, codebookSize);
  return {
    count: rows.count,
    batch: async (indices, context) => {
      const ids = await rows.batch(indices, context);
      return corruptBatch({ ids, kernel, random: context.random.fork("corruption"), legal, maskId: codebookSize });
    },
  };
}

/** Each of some images' codes, several times in a row. */
export function repeatCodes(codes: CodeBatch, times: number): CodeBatch {
  const size = codes.height * codes.width;
  const data = new Int32Array(codes.data.length * times);
  for (let row = 0; row < codes.count * times; row++) {
    const from = Math.floor(row / times) * size;
    data.set(codes.data.subarray(from, from + size), row * size);
  }
  return { ...codes, data, count: codes.count * times };
}

/** Share of the rows that no row before equals. */
export function distinctShare({ count, data, height, width }: CodeBatch): number {
  const size = height * width;
  const rows = Array.from({ length: count }, (_, row) => data.subarray(row * size, (row + 1) * size).join());
  return new Set(rows).size / count;
}

/** The first of the codes, as many as there are, as a view of the same memory. */
export function firstCodes(codes: CodeBatch, limit: number): CodeBatch {
  const count = Math.min(limit, codes.count);
  return { ...codes, count, data: codes.data.subarray(0, count * codes.height * codes.width) };
}

/** The first images of a batch. */
export function firstImages(images: ImageBatch, count: number): ImageBatch {
  return sliceImages(images, 0, Math.min(count, images.count));
}

/** Images of which a kept code has changed. */
export function changedRows(codes: CodeBatch, completed: CodeBatch, kept: number): number {
  const size = codes.height * codes.width;
  let changed = 0;
  for (let row = 0; row < codes.count; row++) {
    const [before, after] = [codes, completed].map(({ data }) => data.subarray(row * size, row * size + kept).join());
    changed += before === after ? 0 : 1;
  }
  return changed;
}

/** Each image's first codes, and the others of the image before it. */
export function mixHalves(codes: CodeBatch, kept: number): CodeBatch {
  const size = codes.height * codes.width;
  const from = (i: number) => (i % size < kept ? i : (i - size + codes.data.length) % codes.data.length);
  return { ...codes, data: codes.data.map((_, i) => codes.data[from(i)]!) };
}

/** Training images, mirrored at random where mirror images are as good. */
export function trainingImages({ train }: RunDataset, { data }: RunConfig): ExampleSource<ImageBatch> {
  return augmentedImages(imageExamples(train.images), { flip: data.mirrored });
}

/** Codes of all images, of the training images' mirror images too where these are as good; encoded once in a folder. */
export async function encodeAll(
  vqvae: VqVae,
  { test, train }: RunDataset,
  {
    cacheDir,
    data,
    group,
  }: Pick<RunConfig, "data"> & Pick<RunContext<unknown>, "group"> & { readonly cacheDir: string },
): Promise<{ readonly train: CodeBatch; readonly test: CodeBatch }> {
  const codesOf = (images: ImageBatch) =>
    sharedCodes(group, { vqvae, images }, () => cachedCodes({ vqvae, images, cacheDir }));
  const codes = { train: await codesOf(train.images), test: await codesOf(test.images) };
  return data.mirrored ? { ...codes, train: joined(codes.train, await codesOf(mirrorImages(train.images))) } : codes;
}

function joined(codes: CodeBatch, mirrored: CodeBatch): CodeBatch {
  const both = new Int32Array(2 * codes.data.length);
  both.set(codes.data);
  both.set(mirrored.data, codes.data.length);
  return { ...codes, data: both, count: 2 * codes.count };
}

/**
 * Classifiers of the images' attributes, of the same form and each with a seed of its own: by the layers of
 * `perceptual-classifier` the tokenizer compares images as it learns, by the features of `classifier` it is measured.
 */
export const classifierNames = ["perceptual-classifier", "classifier"] as const;
export type ClassifierName = (typeof classifierNames)[number];

/** A classifier of the form that a run trains; undefined where its images have no attributes. Yours to dispose. */
export function untrainedClassifier({ attributes, images }: FaceSet, random: Random): AttributeClassifier | undefined {
  const { channels, height, maxValue, width } = images;
  const form = { height, width, channels, maxValue, trunk: "image" } as const;
  return (
    attributes && AttributeClassifier.create({ ...form, attributes: tableLabels(attributes).attributes }, { random })
  );
}

/** One of a run's classifiers; undefined where its images have no attributes. Yours to dispose. */
export async function loadClassifier(
  { folder, group }: Pick<RunContext<unknown>, "folder" | "group">,
  name: ClassifierName,
): Promise<AttributeClassifier | undefined> {
  const bytes = await inFirstProcess(group, () => folder.read(`${name}.safetensors`));
  return bytes && AttributeClassifier.fromSafetensors(bytes);
}

/** One of a run's classifiers, trained now if there is none; undefined where the images have no attributes. */
export async function loadOrTrainClassifier(
  run: RunContext<RunSettings>,
  name: ClassifierName,
  { train }: RunDataset,
  { sha256 }: RunData,
): Promise<AttributeClassifier | undefined> {
  const earlier = await loadClassifier(run, name);
  if (earlier !== undefined || train.attributes === undefined) {
    return earlier;
  }
  const { config, seed } = run.settings;
  const isJudge = name === "classifier";
  const classifier = await trainAttributeClassifier({
    ...{ ...tableLabels(train.attributes), images: train.images, trunk: "image", seed: isJudge ? seed : seed + 1 },
    steps: isJudge ? config.evaluation.classifierSteps : config.adversarial.classifierSteps,
    ...stageOf({ ...run, observers: [] }, name, observing),
  });
  await run.folder.write(`${name}.safetensors`, await classifier.toSafetensors({ run: sha256 }));
  return classifier;
}
