import { join } from "node:path";
import { type CodeBatch, sliceImages } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { type CaptionedDigits, captionWords } from "@mmgen/datasets";
import {
  beginRun,
  codeUsage,
  mixedOrderExamples,
  type RunOptions,
  sequenceExamples,
  type TrainedModels,
} from "@mmgen/example-common";
import { MultimodalTokenizer, type Order } from "@mmgen/multimodal-tokenizer";
import type { TrainingHistory } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { attributeReader } from "./attribute-reader.js";
import { runCheckpoints } from "./checkpoints.js";
import { dataOf, loadData } from "./data.js";
import { EpochSamples } from "./epoch-samples.js";
import { evaluateModels } from "./evaluate-models.js";
import { writeImages } from "./images.js";
import type { Judgment } from "./judge.js";
import { writeReport } from "./report.js";
import { type RunMetrics, throughput } from "./run-metrics.js";
import type { RunSettings } from "./settings.js";
import { trainTokenizer } from "./train-tokenizer.js";
import { trainTransformer } from "./train-transformer.js";

/**
 * The whole road: data, image tokenizer, codes, transformer, samples, scores, images, report.
 *
 * @throws {@link AbortedError} when the signal fires; what a resume needs is then written.
 */
export async function runPipeline(options: RunOptions<RunSettings>): Promise<RunMetrics> {
  const { settings, folders, narrator, signal } = options;
  const { config, seed } = settings;
  const checkpoints = runCheckpoints(folders);

  narrator.stage("Data");
  const data = await loadData(settings, { dataDir: options.dataDir, log: narrator.line });
  await beginRun({ ...options, checkpoints }, dataOf(data));
  const { train, test } = data;

  narrator.stage("Image tokenizer");
  const observers = (run: string) => [...narrator.observers(run), ...options.observers];
  const tokenizerTraining = await trainTokenizer({
    config: config.tokenizer,
    train: train.images,
    test: test.images,
    seed,
    checkpoints,
    observers: observers("tokenizer"),
    signal,
  });
  using vqvae = tokenizerTraining.vqvae;

  narrator.stage("Codes");
  const codes = { train: await vqvae.encode(train.images), test: await vqvae.encode(test.images) };
  const tokenizer = MultimodalTokenizer.create({
    codebookSize: vqvae.codebookSize,
    codeGrid: vqvae.codeGrid,
    words: captionWords,
    captionLength: 6,
  });
  await checkpoints.write("tokenizer", `${JSON.stringify(tokenizer, null, 2)}\n`);
  const testExamples = (order: Order) =>
    sequenceExamples(tokenizer, tokenizer.encode({ codes: codes.test, captions: test.captions, order }));
  const epochSamples = new EpochSamples(folders, test.captions, { seed, ...config.sampling, signal });
  if (!options.resume) {
    await epochSamples.clear();
  }

  narrator.stage("Transformer");
  const transformerTraining = await trainTransformer({
    config: config.transformer,
    tokenizer,
    examples: mixedOrderExamples({
      tokenizer,
      codes: codes.train,
      captions: train.captions,
      textFirstShare: config.transformer.textFirstShare,
      weights: { text: config.transformer.textWeight },
    }),
    test: {
      "text-first": testExamples("text-first"),
      "image-first": testExamples("image-first"),
    },
    onEpoch: (transformer, epoch) => epochSamples.draw({ vqvae, tokenizer, transformer }, epoch),
    seed,
    checkpoints,
    observers: observers("transformer"),
    signal,
  });
  using transformer = transformerTraining.transformer;

  narrator.stage("Judging");
  const models: TrainedModels = { vqvae, tokenizer, transformer };
  using classifier = await attributeReader(checkpoints, {
    train,
    steps: config.evaluation.classifierSteps,
    seed,
    observers: narrator.observers("classifier"),
    signal,
  });
  const { figures, judgment } = await evaluateModels({
    ...{ models, classifier, test, codes: codes.test, config, seed, signal },
  });
  const { height, width } = vqvae.codeGrid;
  const runFigures = {
    ...figures,
    codes: { count: height * width, codebookSize: vqvae.codeLayout.codebookSize },
    tensors: tf.memory().numTensors,
    throughput: {
      tokenizer: throughput(tokenizerTraining.history, config.tokenizer.batchSize),
      transformer: throughput(transformerTraining.history, config.transformer.batchSize),
    },
  };

  narrator.stage("Images");
  const histories = { tokenizer: tokenizerTraining.history, transformer: transformerTraining.history };
  return await writeResults({
    ...options,
    models,
    source: data.source,
    train,
    test,
    testCodes: codes.test,
    judgment,
    figures: runFigures,
    histories,
    epochSamples,
  });
}

interface ResultOptions extends RunOptions<RunSettings> {
  readonly models: TrainedModels;
  readonly source: string;
  readonly train: CaptionedDigits;
  readonly test: CaptionedDigits;
  readonly testCodes: CodeBatch;
  readonly judgment: Judgment;
  readonly figures: Omit<RunMetrics, "settings" | "source" | "backend" | "resumed" | "seconds" | "histories">;
  readonly histories: { readonly tokenizer: TrainingHistory; readonly transformer: TrainingHistory };
  readonly epochSamples: EpochSamples;
}

/** Test images shown beside their reconstructions. */
const shownReconstructions = 10;

/** Writes everything in the results folder. */
async function writeResults(options: ResultOptions): Promise<RunMetrics> {
  const { folders, histories, judgment, narrator, train, test } = options;
  const { vqvae } = options.models;
  const compared = sliceImages(test.images, 0, Math.min(shownReconstructions, test.images.count));
  const images = await writeImages({
    folders,
    train,
    compared,
    reconstructed: await vqvae.reconstruct(compared),
    codeCounts: codeUsage(vqvae, options.testCodes).counts,
    histories,
    judgment,
    figures: options.figures,
  });
  const animation = await options.epochSamples.animate();
  narrator.endStage();
  const metrics: RunMetrics = {
    settings: options.settings,
    source: options.source,
    backend: options.backend,
    ...options.figures,
    resumed: options.resume,
    seconds: narrator.seconds,
    histories,
  };
  await writeFileAtomic(join(folders.results, "metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`);
  await writeReport(folders, metrics, { ...images, samples_by_epoch: animation });
  return metrics;
}
