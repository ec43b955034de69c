import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  type AttributeTable,
  type BatchContext,
  type CodeBatch,
  ConfigError,
  concatCodes,
  type ExampleSource,
  gatherAttributes,
  gatherImages,
  type ImageBatch,
  inFirstProcess,
  mirrorImages,
  Random,
  sliceCodes,
  sliceImages,
  type TokenBatch,
} from "@mmgen/core";
import { type LoadImageFolderOptions, loadAvatars, loadImageFolder } from "@mmgen/datasets/node";
import { AttributeClassifier, tableLabels } from "@mmgen/evaluation";
import { describeRunData, fromCaller, type RunContext, type RunData, stageOf } from "@mmgen/example-harness";
import { corruptBatch, type KernelOptions } from "@mmgen/samplers";
import type { TransformerBatch } from "@mmgen/tiny-transformer";
import { tokenExamples } from "@mmgen/training";
import * as observing from "@mmgen/training/node";
import type { VqVae } from "@mmgen/vqvae";
import { imageKinds, sharedCodes, trainAttributeClassifier } from "mmgen";
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

const anyKindOf = ({ codebookSize }: Pick<VqVae, "codebookSize">) => codebookSize + 1;

/**
 * Codes as the transformers have them: a row is the id of the image's kind, or that of any kind, and then its codes. After
 * the codes' ids come those of the mask, of any kind, and of the kinds.
 *
 * @param kinds - One an image; absent: any.
 */
export function withKinds(
  { codebookSize }: Pick<VqVae, "codebookSize">,
  { count, data, height, width }: CodeBatch,
  kinds?: ArrayLike<number>,
): TokenBatch {
  const [anyKind, length] = [anyKindOf({ codebookSize }), 1 + height * width];
  const ids = new Int32Array(count * length);
  for (let row = 0; row < count; row++) {
    ids[row * length] = kinds === undefined ? anyKind : anyKind + 1 + kinds[row]!;
    ids.set(data.subarray(row * (length - 1), (row + 1) * (length - 1)), row * length + 1);
  }
  return { data: ids, count, length };
}

/** What may stand in a row, which of it diffusion corrupts, and what then may stand there: all but the kind. */
export function rowForm({ codebookSize, codeGrid }: Pick<VqVae, "codebookSize" | "codeGrid">) {
  const length = 1 + codeGrid.height * codeGrid.width;
  const anyKind = anyKindOf({ codebookSize });
  const legal = { from: new Int32Array(length), to: new Int32Array(length).fill(codebookSize) };
  [legal.from[0], legal.to[0]] = [anyKind, anyKind + 1];
  return { legal, corruptible: Uint8Array.from({ length }, (_, i) => Number(i > 0)), maskId: codebookSize };
}

/** Share of the rows in training whose kind is not said, so that what is kept of an image can be completed. */
const anyKindShare = 0.1;

/** Rows to learn, each time made into a batch; of any kind where the kinds are not known. */
function rowExamples(
  { codebookSize }: Pick<VqVae, "codebookSize">,
  { codes, kinds }: CodesToLearn,
  toBatch: (ids: TokenBatch, context: BatchContext) => TransformerBatch,
): ExampleSource<TransformerBatch> {
  const rows = tokenExamples(withKinds({ codebookSize }, codes, kinds));
  return {
    count: rows.count,
    batch: async (indices, context) => {
      const ids = await rows.batch(indices, context);
      const random = context.random.fork("kinds");
      for (let row = 0; context.training && row < ids.count; row++) {
        if (random.uniform() < anyKindShare) {
          ids.data[row * ids.length] = anyKindOf({ codebookSize });
        }
      }
      return toBatch(ids, context);
    },
  };
}

/** Codes, and the kind of each image where it is known. */
export interface CodesToLearn {
  readonly codes: CodeBatch;
  readonly kinds?: ArrayLike<number> | undefined;
}

/** All of a row but its last code as inputs, and the codes as targets. */
export function nextCodes(
  tokenizer: Pick<VqVae, "codebookSize">,
  learned: CodesToLearn,
): ExampleSource<TransformerBatch> {
  return rowExamples(tokenizer, learned, ({ count, data, length }) => {
    const without = (left: number) => data.filter((_, i) => i % length !== left);
    const shape = { count, length: length - 1 };
    return { inputs: { ...shape, data: without(length - 1) }, targets: { ...shape, data: without(0) } };
  });
}

/** Rows whose codes are corrupted anew each time they are seen. */
export function corruptedCodes(
  tokenizer: Pick<VqVae, "codebookSize" | "codeGrid">,
  learned: CodesToLearn,
  kernel: KernelOptions,
): ExampleSource<TransformerBatch> {
  const form = rowForm(tokenizer);
  return rowExamples(tokenizer, learned, (ids, { random }) =>
    corruptBatch({ ids, kernel, random: random.fork("corruption"), ...form }),
  );
}

/** The first of the codes, as many as there are, as a view of the same memory. */
export function firstCodes(codes: CodeBatch, limit: number): CodeBatch {
  return sliceCodes(codes, 0, Math.min(limit, codes.count));
}

/** The first images of a batch. */
export function firstImages(images: ImageBatch, count: number): ImageBatch {
  return sliceImages(images, 0, Math.min(count, images.count));
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
  return data.mirrored
    ? { ...codes, train: concatCodes([codes.train, await codesOf(mirrorImages(train.images))]) }
    : codes;
}

/** The kinds of the rows of the training images' codes, mirror images' too; undefined where images have no kinds. */
export async function findKinds(run: RunContext<RunSettings>, { train }: RunDataset): Promise<Int32Array | undefined> {
  const { config, seed } = run.settings;
  using classifier = await loadClassifier(run, "perceptual-classifier");
  if (classifier === undefined || config.kinds === 0) {
    return undefined;
  }
  const features = await classifier.features(train.images);
  const { labels } = await imageKinds({ features, dimension: classifier.featureWidth, kinds: config.kinds, seed });
  return config.data.mirrored ? Int32Array.from([...labels, ...labels]) : labels;
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
