import { Random } from "@mmgen/core";
import type { LabeledImages } from "@mmgen/datasets";
import { loadDigits } from "@mmgen/datasets/node";
import { describeRunData, inRunFolder, type RunContext, stageOf } from "@mmgen/example-harness";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import type { TrainingHistory } from "@mmgen/training";
import * as observing from "@mmgen/training/node";
import type { VqVae } from "@mmgen/vqvae";
import {
  estimateMemory,
  firstPairs,
  modelFiles,
  runIdOf,
  sharedCodes,
  tokenizerFile,
  trainAttributeClassifier,
  trainingFiles,
  trainTransformer,
  trainVqVae,
  transformerConfig,
  type VqVaeTraining,
} from "mmgen";
import { checkMemory } from "mmgen/node";
import { checkConfig, checkpointSteps, modelOf, type RunSettings, trainingOf } from "./config.js";
import { type Evaluation, evaluateImages, evaluateLines, type LineMetrics, lineMetrics, meanNats } from "./evaluate.js";
import {
  checkpointFile,
  digitNames,
  type LineCodec,
  type LinePairs,
  lineExamples,
  lineTokenizer,
  readPreparedLines,
} from "./lines.js";
import { imageWriter, type RunImages, writeCodecImages, writeLineImages, writeLogos } from "./plots.js";
import { type RunMetrics, writeReport } from "./report.js";

/** What starts a run. */
export const command = "npm run mnist-vlm";

/** What a training run works with. */
export type VlmRun = RunContext<RunSettings>;

/**
 * The whole pipeline, from images or, where the settings name them, from prepared lines.
 *
 * @throws a `ConfigError` when the settings do not fit together, before anything is read or removed.
 * @throws an `AbortedError` when the signal fires; what a resume needs is then written.
 */
export async function runPipeline(run: VlmRun): Promise<RunMetrics | undefined> {
  checkConfig(run.settings);
  const { lines } = run.settings;
  return inRunFolder(run, { command, earlier: earlierFiles }, () =>
    lines === undefined ? runFromImages(run) : runFromLines(run, lines),
  );
}

/** Images, VQ-VAE, codes, lines, transformer, both tasks. */
async function runFromImages(run: VlmRun): Promise<RunMetrics | undefined> {
  const { dataDir, folder, group, progress, settings } = run;
  const { config, data, seed } = settings;

  progress.stage("Data");
  const digits = await loadDigits({ source: data, seed, ...config.data, dataDir, onMessage: progress.log });
  const { source, test, train, validation } = digits;
  const learnedFrom = await begin(run, source, [train.images.data, train.labels]);

  progress.stage("Image tokenizer");
  const codec = await trainImageTokenizer(run, train, validation, learnedFrom.sha256);
  using vqvae = codec.vqvae;

  progress.stage("Codes");
  const tokenizer = lineTokenizer(config.vqvae.codebookSize, config.vqvae.chunks);
  const pairsOf = (images: LabeledImages) => encodePairs(vqvae, images, group);
  const pairs = { train: await pairsOf(train), validation: await pairsOf(validation) };
  const heldOut = await pairsOf(test);
  await saveCodec(run, { tokenizer, vqvae });

  progress.stage("Transformer");
  const transformer = await trainOnLines(run, { tokenizer, vqvae, ...pairs });

  progress.stage("Evaluation");
  using classifier = await trainClassifier(run, train);
  if (group?.rank) {
    return undefined;
  }
  const evaluation = { ...evaluationOf(run, tokenizer, heldOut), vqvae, config, classifier, test };
  const { drawings, images: imageMetrics, lines, reconstruction } = await evaluateImages(evaluation);

  progress.stage("Images");
  const shown = { vqvae, test, reconstruction, drawings, embedded: config.evaluation.embedded, seed };
  const images = await writeCodecImages(imageWriter(folder), shown);
  const histories = { vqvae: codec.history, transformer };
  const results = { source, evaluatedOn: "test images", histories, lines, imageMetrics };
  return finish(run, results, { ...images, logos: await writeLogos(imageWriter(folder), tokenizer, pairs.train) });
}

/** Lines that another tokenizer wrote, transformer, classification. */
async function runFromLines(run: VlmRun, path: string): Promise<RunMetrics | undefined> {
  const { folder, group, progress, settings } = run;
  const { chunks, codebookSize } = settings.config.vqvae;

  progress.stage("Data");
  const tokenizer = lineTokenizer(codebookSize, chunks);
  const { source, train, validation } = await readPreparedLines(path, tokenizer);
  await begin(run, source, [train.codes.data, train.captions]);
  await saveCodec(run, { tokenizer });

  progress.stage("Transformer");
  const transformer = await trainOnLines(run, { tokenizer, train, validation });

  if (group?.rank) {
    return undefined;
  }
  progress.stage("Evaluation");
  const lines = await evaluateLines(evaluationOf(run, tokenizer, validation));

  progress.stage("Images");
  const results = { source, evaluatedOn: "validation lines", histories: { transformer }, lines };
  return finish(run, results, { logos: await writeLogos(imageWriter(folder), tokenizer, train) });
}

/** What a run of whatever settings writes, and a new one in the same folder therefore removes. */
export const earlierFiles = {
  checkpoints: [
    /^(vqvae|transformer)(-training)?\.safetensors$/,
    /^transformer-\d+\.safetensors$/,
    /^tokenizer\.json$/,
  ],
  results: [
    /^(confusion|generated_\d+|image_token_logos|latents|prediction_accuracy|reconstructions|training_curves)\.png$/,
    /\.jsonl$/,
    /^(metrics|evaluation.*)\.json$/,
    /^report\.html$/,
  ],
};

/** Estimates the memory of the transformer's training, the larger one, before an earlier run's files are removed. */
async function checkPlan({ progress, settings: { config, seed } }: VlmRun): Promise<void> {
  const { chunks, codebookSize } = config.vqvae;
  const tokenizer = lineTokenizer(codebookSize, chunks);
  const sizes = transformerConfig(modelOf(config.transformer), tokenizer);
  using model = TinyTransformer.create(sizes, { random: Random.fromSeed(0) });
  const codes = { data: new Int32Array(2 * chunks), count: 2, height: 1, width: chunks };
  const pairs = { codes, captions: ["0", "1"] };
  const examples = lineExamples({ tokenizer, pairs, config: config.transformer, seed });
  const stage = { model, examples, training: trainingOf(config.transformer) };
  progress.warn(checkMemory({ transformer: await estimateMemory(stage) }));
}

/** Takes the run's folder: a new run removes an earlier one's files, a resumed one makes sure of its data. */
async function begin(run: VlmRun, source: string, trainingPart: Parameters<typeof describeRunData>[1]) {
  const { dataDir, folder, force, progress, resume, settings } = run;
  progress.log(source);
  await checkPlan(run);
  const data = describeRunData(source, trainingPart);
  await folder.begin({ settings, resume, force, data, dataDir, earlier: earlierFiles });
  return data;
}

/** Trains the VQ-VAE that encodes an image as letters, on images alone, or goes on with it. */
export function trainImageTokenizer(
  run: VlmRun,
  train: Pick<LabeledImages, "images">,
  validation: Pick<LabeledImages, "images">,
  runId?: string,
): Promise<VqVaeTraining> {
  const { folder, settings } = run;
  const { vqvae } = settings.config;
  const { chunks, codebookSize, codeDimension, sharedCodebook, codebook, commitmentWeight, deadCodeThreshold } = vqvae;
  const { epochs, hidden, latentActivation, patience } = vqvae;
  return trainVqVae({
    model: {
      network: { type: "dense", hidden, latentActivation },
      quantizer: {
        type: "product",
        ...{ chunks, codebookSize, codeDimension, sharedCodebook, codebook, commitmentWeight, deadCodeThreshold },
      },
      head: "sigmoid",
    },
    images: train.images,
    heldOut: validation.images,
    training: {
      ...{ ...trainingOf(vqvae), epochs },
      ...(patience !== undefined && { earlyStopping: { metric: "meanSquaredError", patience } }),
    },
    ...{ checkpoint: folder.file(trainingFiles.vqvae), runId },
    ...{ seed: settings.seed, ...stageOf(run, "vqvae", observing) },
  });
}

/** Images as codes, with their digits as captions. */
export async function encodePairs(
  vqvae: VqVae,
  { images, labels }: LabeledImages,
  group?: VlmRun["group"],
): Promise<LinePairs> {
  const codes = await sharedCodes(group, { vqvae, images }, () => vqvae.encode(images));
  return { codes, captions: Array.from(labels, (label) => digitNames[label]!) };
}

async function saveCodec({ folder }: VlmRun, codec: LineCodec): Promise<void> {
  await folder.write(modelFiles.tokenizer, tokenizerFile(codec.tokenizer));
  if (codec.vqvae) {
    await folder.write(modelFiles.vqvae, await codec.vqvae.toSafetensors({ run: await runIdOf(codec) }));
  }
}

/** Pairs that the transformer learns from, and those that the metrics after each epoch are taken from. */
export interface LineTraining extends LineCodec {
  readonly train: LinePairs;
  readonly validation: LinePairs;
}

/** Validation pairs that the metrics after each epoch are taken from; the final metrics use all. */
const epochPairs = 500;

/**
 * Trains the transformer on lines, or goes on with it.
 *
 * Writes it at the end, and as it is after each of the configuration's `checkpoints`.
 */
export async function trainOnLines(
  run: VlmRun,
  { train, validation, ...codec }: LineTraining,
): Promise<TrainingHistory> {
  const { folder, settings, signal } = run;
  const { seed } = settings;
  const { tokenizer } = codec;
  const config = settings.config.transformer;
  const held = firstPairs(validation, epochPairs);
  const write = async (name: string, transformer: TinyTransformer) =>
    folder.write(name, await transformer.toSafetensors({ run: await runIdOf(codec) }));
  const training = await trainTransformer({
    ...{ model: modelOf(config), tokenizer },
    examples: lineExamples({ tokenizer, pairs: train, config, seed }),
    training: { ...trainingOf(config), steps: config.steps },
    evaluate: async (transformer) => {
      const metrics = await lineMetrics({ tokenizer, transformer }, held, signal);
      const { classification, drawing } = metrics;
      return {
        natsPerCharacter: meanNats(metrics),
        drawing: drawing.natsPerId,
        classification: classification.natsPerId,
      };
    },
    keep: {
      steps: checkpointSteps(config),
      write: (transformer, step) => write(checkpointFile(step), transformer),
    },
    checkpoint: folder.file(trainingFiles.transformer),
    runId: (stored) => runIdOf(codec, stored),
    ...{ seed, ...stageOf(run, "transformer", observing) },
  });
  using transformer = training.transformer;
  await write(modelFiles.transformer, transformer);
  return training.history;
}

/** Trains the classifier that scores drawn digits, on real images. */
function trainClassifier(run: VlmRun, { images, labels }: LabeledImages) {
  const { settings } = run;
  return trainAttributeClassifier({
    attributes: [{ name: "digit", classes: 10 }],
    ...{ images, labels: { digit: labels }, steps: settings.config.evaluation.classifierSteps },
    ...{ seed: settings.seed, ...stageOf({ ...run, observers: [] }, "classifier", observing) },
  });
}

function evaluationOf(
  { folder, settings, signal }: VlmRun,
  tokenizer: MultimodalTokenizer,
  heldOut: LinePairs,
): Evaluation {
  const steps = checkpointSteps(settings.config.transformer);
  return { folder, tokenizer, steps, heldOut, seed: settings.seed, signal };
}

/** What a run has measured when only its files are left to write. */
interface Results extends Pick<RunMetrics, "source" | "evaluatedOn" | "histories" | "imageMetrics"> {
  readonly lines: LineMetrics;
}

/** Writes the images that every run has, `metrics.json` and the report. */
async function finish(
  run: VlmRun,
  { lines, ...results }: Results,
  images: Omit<RunImages, "accuracy" | "confusion" | "curves">,
): Promise<RunMetrics> {
  const { backend, folder, progress, resume: resumed, settings } = run;
  const written = await writeLineImages(imageWriter(folder), { metrics: lines, ...results });
  progress.endStage();
  const metrics: RunMetrics = { settings, backend, ...results, ...lines, resumed, seconds: progress.seconds };
  await folder.writeResult("metrics.json", metrics);
  await writeReport(folder, metrics, { ...written, ...images });
  return metrics;
}
