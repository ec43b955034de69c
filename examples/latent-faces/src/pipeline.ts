import { AbortedError, type ExampleSource, fingerprint, inFirstProcess, Random } from "@mmgen/core";
import { psnr } from "@mmgen/evaluation";
import { inRunFolder, type RunContext, type RunData, type RunFolder, stageOf } from "@mmgen/example-harness";
import { copyWeights, type TensorTrainable } from "@mmgen/nn";
import type { KernelOptions } from "@mmgen/samplers";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import {
  augmentedImages,
  constantSchedule,
  cosineSchedule,
  evaluateLoss,
  imageExamples,
  type Metrics,
  muon,
  type TrainingHistory,
  train,
} from "@mmgen/training";
import * as observing from "@mmgen/training/node";
import { VqVae } from "@mmgen/vqvae";
import { checkTrainings } from "mmgen/node";
import type { RunConfig, RunSettings, StageConfig, StageName } from "./config.js";
import {
  type CodesToLearn,
  corruptedCodes,
  describeData,
  encodeAll,
  findKinds,
  firstOf,
  loadClassifier,
  loadData,
  loadOrTrainClassifier,
  nextCodes,
  type RunDataset,
  untrainedClassifier,
} from "./data.js";
import { type EvaluationOptions, evaluateModels, type Histories, type ModelMetrics } from "./evaluate.js";
import {
  disposeModels,
  earlierFiles,
  kindsFile,
  loadModels,
  loadTokenizer,
  type Models,
  modelFiles,
  newAdversary,
  newTokenizer,
  newTransformer,
  nothingKept,
  type TransformerName,
} from "./generate.js";
import { writeImages } from "./plots.js";
import { type RunMetrics, summarizeStages, writeReport } from "./report.js";

/** What starts a run. */
export const command = "npm run faces";

/**
 * The whole pipeline: data, tokenizer by squared error and then against a discriminator, codes, three transformers,
 * evaluation, images, report.
 *
 * @throws an {@link AbortedError} when the signal fires; what a resume needs is then written.
 */
export function runPipeline(run: RunContext<RunSettings>): Promise<RunMetrics | undefined> {
  const { folder, group, progress, settings, signal } = run;
  const { config } = settings;
  return inRunFolder(run, { command, earlier: earlierFiles }, async () => {
    progress.stage("Data");
    const data = await loadData(settings, { dataDir: run.dataDir, log: progress.log, signal });
    await checkPlan(run, data);
    const learnedFrom = describeData(data);
    await folder.begin({ ...run, data: learnedFrom, earlier: earlierFiles });

    progress.stage("Image tokenizer, squared error");
    using plain = newTokenizer(config, data.train.images, randomOf(settings, "squared-error"));
    const plainHistory = await trainTokenizer(run, plain, data, learnedFrom);

    progress.stage("Image tokenizer, adversarial");
    using adversarial = VqVae.fromSafetensors(await plain.toSafetensors());
    const adversarialHistory = await trainAdversarially(run, adversarial, data, learnedFrom);

    progress.stage("Codes");
    const tokenizer = config.codesOf === "adversarial" ? adversarial : plain;
    const codes = await encodeAll(tokenizer, data, { ...config, group, cacheDir: folder.checkpoints });
    const runId = fingerprint([(await inFirstProcess(group, () => folder.read(modelFiles[config.codesOf])))!]);
    const found = await findKinds(run, data);
    const kinds = [...(found ?? [])];
    await folder.write(kindsFile, JSON.stringify(kinds));
    const [learned, heldOut] = [{ codes: codes.train, kinds: found }, { codes: codes.test }];
    const learning = { tokenizer, learned, heldOut, runId };

    progress.stage("Sequential transformer");
    using sequential = newTransformer(tokenizer, settings, "sequential");
    const sequentialHistory = await trainTransformer(run, "sequential", sequential, learning);

    progress.stage("Diffusion transformer, masks");
    using absorbing = newTransformer(tokenizer, settings, "absorbing");
    copyWeights(sequential, absorbing);
    const absorbingHistory = await trainTransformer(run, "absorbing", absorbing, learning);

    progress.stage("Diffusion transformer, original chain");
    using chain = newTransformer(tokenizer, settings, "chain");
    copyWeights(sequential, chain);
    const chainHistory = await trainTransformer(run, "chain", chain, learning);

    progress.stage("Attribute classifier");
    using classifier = await loadOrTrainClassifier(run, "classifier", data, learnedFrom);
    if (group?.rank) {
      return undefined;
    }

    const models: Models = { tokenizer, sequential, absorbing, chain, kinds };
    const tokenizers = { "squared-error": plain, adversarial };
    const evaluation = { models, tokenizers, data, codes, classifier, config, progress, seed: settings.seed, signal };
    const { metrics, samples } = await evaluateModels(evaluation);

    progress.stage("Images");
    const histories: Histories = {
      ...{ "squared-error": plainHistory, adversarial: adversarialHistory },
      ...{ sequential: sequentialHistory, absorbing: absorbingHistory, chain: chainHistory },
    };
    const images = await writeImages(run, { ...evaluation, histories, metrics, samples });
    progress.endStage();
    const { attribution, source } = data;
    const result: RunMetrics = {
      ...{ settings, source, attribution, backend: run.backend, ...metrics },
      ...{ resumed: run.resume, seconds: progress.seconds, stages: summarizeStages(histories) },
    };
    await folder.writeResult("metrics.json", result);
    await writeReport(run, result, images);
    return result;
  });
}

/** Measures the models of a run's checkpoints again. */
export async function evaluateRun(
  folder: RunFolder,
  options: Pick<EvaluationOptions, "data" | "config" | "progress" | "seed" | "signal">,
): Promise<ModelMetrics> {
  const { config, data } = options;
  const models = await folder.load((read) => loadModels(read, config));
  try {
    using plain = await loadTokenizer(folder, "squared-error");
    using adversarial = await loadTokenizer(folder, "adversarial");
    const codes = await encodeAll(models.tokenizer, data, { ...config, cacheDir: folder.checkpoints });
    const tokenizers = { "squared-error": plain, adversarial };
    using classifier = await loadClassifier({ folder }, "classifier");
    return (await evaluateModels({ ...options, models, tokenizers, codes, classifier })).metrics;
  } finally {
    disposeModels(models);
  }
}

function randomOf({ seed }: RunSettings, name: string): Random {
  return Random.fromSeed(seed).fork(name);
}

async function trainTokenizer(run: RunContext<RunSettings>, model: VqVae, data: RunDataset, { sha256 }: RunData) {
  const history = await trainStage(run, {
    ...{ name: "squared-error", model, examples: trainingImages(data, run.settings.config), runId: sha256 },
    training: run.settings.config.tokenizer,
    evaluate: () => tokenizerMetrics(run, model, data),
  });
  await run.folder.write(modelFiles["squared-error"], await model.toSafetensors({ run: sha256 }));
  return history;
}

async function trainAdversarially(run: RunContext<RunSettings>, vqvae: VqVae, data: RunDataset, learnedFrom: RunData) {
  const { sha256 } = learnedFrom;
  const config = run.settings.config.adversarial;
  using classifier = await loadOrTrainClassifier(run, "perceptual-classifier", data, learnedFrom);
  using model = newAdversary(vqvae, config, { classifier, random: randomOf(run.settings, "adversary") });
  const history = await trainStage(run, {
    ...{ name: "adversarial", model, examples: trainingImages(data, run.settings.config), runId: sha256 },
    training: config,
    averageDecay: config.averageDecay,
    discriminatorLearningRate: config.discriminatorLearningRate,
    evaluate: () => tokenizerMetrics(run, vqvae, data),
  });
  await run.folder.write(modelFiles.adversarial, await vqvae.toSafetensors({ run: sha256 }));
  return history;
}

/** Training images, mirrored at random where mirror images are as good. */
function trainingImages({ train }: RunDataset, { data }: RunConfig) {
  return augmentedImages(imageExamples(train.images), { flip: data.mirrored });
}

async function tokenizerMetrics({ group }: RunContext<unknown>, model: VqVae, { test }: RunDataset): Promise<Metrics> {
  const { images } = firstOf(test, 200);
  return group?.rank ? {} : { decibels: psnr(images, await model.reconstruct(images)) };
}

interface Learning {
  readonly tokenizer: VqVae;
  readonly learned: CodesToLearn;
  readonly heldOut: CodesToLearn;
  /** Fingerprint of the tokenizer's file. */
  readonly runId: string;
}

async function trainTransformer(
  run: RunContext<RunSettings>,
  name: TransformerName,
  model: TinyTransformer,
  { heldOut, learned, runId, tokenizer }: Learning,
): Promise<TrainingHistory> {
  const training = run.settings.config[name];
  const kernel: KernelOptions =
    name === "chain" ? { type: "chain", further: run.settings.config.chain.further } : { type: "absorbing" };
  const examplesOf = (codes: CodesToLearn) =>
    name === "sequential" ? nextCodes(tokenizer, codes) : corruptedCodes(tokenizer, codes, kernel);
  const unseen = examplesOf(heldOut);
  const history = await trainStage(run, {
    ...{ name, model, examples: examplesOf(learned), training, runId, averageDecay: training.averageDecay },
    evaluate: async () => {
      const { observers: _, ...shared } = stageOf(run, name, observing);
      const { loss } = await evaluateLoss({ model, examples: unseen, batchSize: training.batchSize, ...shared });
      return { natsPerCode: loss! };
    },
  });
  await run.folder.write(modelFiles[name], await model.toSafetensors({ run: runId }));
  return history;
}

interface Stage<Batch, Aux> {
  readonly name: StageName;
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  readonly training: StageConfig;
  /** A checkpoint of another run is refused. */
  readonly runId: string;
  readonly evaluate: () => Promise<Metrics>;
  readonly averageDecay?: number;
  /** Of a model that has a discriminator. */
  readonly discriminatorLearningRate?: number;
}

/** Trains from the stage's checkpoint, if there is one, to the end. */
async function trainStage<Batch, Aux>(
  run: RunContext<RunSettings>,
  stage: Stage<Batch, Aux>,
): Promise<TrainingHistory> {
  const { averageDecay, discriminatorLearningRate, evaluate, examples, model, name, runId, training } = stage;
  const { batchSize, clipNorm, learningRate, optimizer, steps, warmUpSteps, weightDecay } = training;
  const moving = { clipNorm, weightDecay, beta2: 0.99 };
  const file = run.folder.file(`${name}-training.safetensors`);
  const { observers, ...shared } = stageOf(run, name, observing);
  const resume = await file.read();
  const { history, status, step } = await train({
    ...{ model, examples, batchSize, steps, runId, evaluate, observers, ...shared },
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps }),
    optimizer: optimizer === "muon" ? muon(moving) : moving,
    ...(averageDecay !== undefined && { weightAverage: { decay: averageDecay } }),
    ...(discriminatorLearningRate !== undefined && {
      adversary: {
        optimizer: { beta1: 0.5, beta2: 0.9, weightDecay: 0 },
        schedule: constantSchedule(discriminatorLearningRate),
      },
    }),
    random: randomOf(run.settings, name).fork("training"),
    checkpoint: { write: file.write },
    ...(resume && { resume }),
  });
  if (status === "aborted") {
    throw new AbortedError(`Stopped while training ${name}, after step ${step} of ${steps}.`, {
      cause: run.signal.reason,
    });
  }
  return history;
}

/**
 * Builds everything once, untrained, so that what cannot be trained is refused before an earlier run's files are removed.
 *
 * @throws a `ConfigError` that names what does not fit, memory included.
 */
async function checkPlan({ progress, settings }: RunContext<RunSettings>, { train: training }: RunDataset) {
  const { config } = settings;
  const random = Random.fromSeed(0);
  using tokenizer = newTokenizer(config, training.images, random);
  using classifier = untrainedClassifier(training, random);
  using adversary = newAdversary(tokenizer, config.adversarial, { classifier, random });
  using sequential = newTransformer(tokenizer, settings, "sequential");
  using absorbing = newTransformer(tokenizer, settings, "absorbing");
  using chain = newTransformer(tokenizer, settings, "chain");
  const images = imageExamples(firstOf(training, 2).images);
  const examples = nextCodes(tokenizer, nothingKept(tokenizer, 2));
  const { count } = training.images;
  const warning = await checkTrainings({
    "squared-error": { model: tokenizer, examples: images, training: config.tokenizer, count },
    adversarial: { model: adversary, examples: images, training: config.adversarial, count },
    sequential: { model: sequential, examples, training: config.sequential, count },
    absorbing: { model: absorbing, examples, training: config.absorbing, count },
    chain: { model: chain, examples, training: config.chain, count },
  });
  progress.warn(warning);
}
