import { type CodeBatch, type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { inRunFolder, type RunContext, type RunData, stageOf } from "@mmgen/example-harness";
import { MultimodalTokenizer, matchIds } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { imageExamples } from "@mmgen/training";
import * as observing from "@mmgen/training/node";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import {
  estimateRefinement,
  type FamilyParts,
  heldOutEvaluation,
  type ModelParts,
  modelFiles,
  type RefinementSettings,
  refineVqVae,
  runIdOf,
  sharedCodes,
  tokenizerFile,
  totalSteps,
  trainingFiles,
  trainingSequences,
  trainTransformer,
  trainVqVae,
  transformerConfig,
  usualRefinement,
} from "mmgen";
import { checkMemory, checkTrainings } from "mmgen/node";
import { command, type RunConfig, type RunSettings } from "./config.js";
import { describeData, firstOf, loadData, loadOrTrainClassifier, type RunDataset } from "./data.js";
import { familyOf, modelsToContinue } from "./generate.js";
import { describeRun, evaluateModels, type RunMetrics } from "./measure.js";
import { clearEpochSamples, drawEpochSamples, writeImages } from "./plots.js";
import { writeReport } from "./report.js";

/**
 * The whole pipeline: data, image tokenizer, codes, transformer, evaluation, images, report.
 *
 * @throws an `AbortedError` when the signal fires; what a resume needs is then written.
 */
export function runPipeline(run: RunContext<RunSettings>): Promise<RunMetrics | undefined> {
  const { folder, group, progress, settings, signal } = run;
  return inRunFolder(run, { command, earlier: earlierFiles }, async () => {
    progress.stage("Data");
    const data = await loadData(settings, { dataDir: run.dataDir, log: progress.log, signal });
    const known = await modelsToContinue(settings);
    using _known = known?.transformer;
    using _codec = known?.vqvae;
    // Images of another shape are refused here, before the folder is begun.
    await known?.vqvae.encode(firstOf(data.train, 1).images);
    await checkPlan(run, data);
    const learnedFrom = describeData(data);
    await folder.begin({ ...run, data: learnedFrom, earlier: earlierFiles });

    progress.stage("Image tokenizer");
    const codec = known ?? (await trainImageTokenizer(run, data, learnedFrom));
    using vqvae = codec.vqvae;
    const refinement = known ? undefined : await refineImageTokenizer(run, vqvae, data, learnedFrom);

    progress.stage("Codes");
    const codesOf = (images: ImageBatch) => sharedCodes(group, { vqvae, images }, () => vqvae.encode(images));
    const codes = { train: await codesOf(data.train.images), test: await codesOf(data.test.images) };
    const tokenizer = createTokenizer(settings, vqvae, data);
    await saveCodec(run, { vqvae, tokenizer });

    progress.stage("Transformer");
    const training = await trainSequenceModel(run, { vqvae, tokenizer, data, codes, known });
    using transformer = training.transformer;
    const models: FamilyParts = { vqvae, tokenizer, transformer, diffusion: familyOf(settings).diffusion };

    progress.stage("Evaluation");
    const classifying = stageOf({ ...run, observers: [] }, "classifier", observing);
    using classifier = await loadOrTrainClassifier(data, { ...run, models, ...classifying });
    if (group?.rank) {
      return undefined;
    }
    const { attributes } = data;
    const evaluation = { models, classifier, attributes, test: data.test, codes: codes.test, ...settings, signal };
    const { metrics, samples } = await evaluateModels(evaluation);

    progress.stage("Images");
    const histories = {
      ...("history" in codec && { vqvae: codec.history }),
      ...(refinement && { refinement }),
      transformer: training.history,
    };
    const images = await writeImages(run, { data, models, codes: codes.test, histories, metrics, samples });
    const result = describeRun(run, { data, vqvae, histories, metrics });
    await folder.writeResult("metrics.json", result);
    await writeReport(run, result, images);
    return result;
  });
}

/** What a run writes, and a new one in the same folder therefore removes. */
const earlierFiles = {
  checkpoints: [
    /^(vqvae|transformer|classifier|tokenizer)(-training)?\.(safetensors|json)$/,
    /^(caption-classifier|refinement)-training\.safetensors$/,
  ],
  results: [/\.jsonl$/, /^evaluation.*\.json$/, /^(completions_\w+|likelihood_by_position)\.png$/],
};

/** Test images that the metrics after each epoch are taken from; the final metrics use all. */
const epochImages = 1000;

/**
 * Builds everything once, untrained, so that what cannot be trained is refused before an earlier run's files are removed.
 *
 * @throws a `ConfigError` that names what does not fit, memory included.
 */
async function checkPlan({ progress, settings }: RunContext<RunSettings>, data: RunDataset): Promise<void> {
  const { config } = settings;
  const { channels, count, height: imageSide, maxValue } = data.train.images;
  const random = Random.fromSeed(0);
  using vqvae = VqVae.create({ ...vqVaeModel(config.vqvae), imageSide, channels, maxValue }, { random });
  const tokenizer = createTokenizer(settings, vqvae, data);
  using transformer = TinyTransformer.create(transformerConfig(sizesOf(settings), tokenizer), { random });
  const few = firstOf(data.train, 2);
  const { height, width } = vqvae.codeGrid;
  const codes = { data: new Int32Array(few.images.count * height * width), count: few.images.count, height, width };
  const examples = trainingSequences(familyOf(settings), { tokenizer, codes, captions: few.captions, seed: 0 });
  const plan = (stage: RunConfig["vqvae" | "transformer"]) => ({ training: trainingOf(settings, stage, count), count });
  const isTrained = settings.from === undefined;
  const refinement = isTrained ? refinementOf(settings, count) : undefined;
  const fewImages = imageExamples(few.images);
  const warning = await checkTrainings({
    ...(isTrained && { vqvae: { model: vqvae, examples: fewImages, ...plan(config.vqvae) } }),
    transformer: { model: transformer, examples, ...plan(config.transformer) },
  });
  progress.warn(warning);
  if (refinement !== undefined) {
    progress.warn(
      checkMemory({ refinement: await estimateRefinement(vqvae, { examples: fewImages, training: refinement }) }),
    );
  }
}

function vqVaeModel({ composition, head, network, palettePlace, quantizer }: RunConfig["vqvae"]): VqVaeOptions {
  return {
    composition: composition === "whole" ? { type: composition } : { type: composition, palettePlace },
    ...{ network, quantizer, head },
  };
}

function sizesOf({ config, family }: RunSettings) {
  const { dropout, feedForward, heads, layers, normalization, queryKeyNorm, width } = config.transformer;
  const form = { normalization, feedForward, queryKeyNorm };
  return { width, heads, layers, dropout, ...form, ...(family === "diffusion" && { causal: false }) };
}

function trainImageTokenizer(run: RunContext<RunSettings>, { test, train }: RunDataset, learnedFrom: RunData) {
  const { config, seed } = run.settings;
  return trainVqVae({
    model: vqVaeModel(config.vqvae),
    images: train.images,
    heldOut: sliceImages(test.images, 0, Math.min(epochImages, test.images.count)),
    training: trainingOf(run.settings, config.vqvae, train.images.count),
    checkpoint: run.folder.file(trainingFiles.vqvae),
    // Beside the data only settings and seed make these weights, which the state compares itself.
    runId: learnedFrom.sha256,
    ...{ seed, ...stageOf(run, "vqvae", observing) },
  });
}

/** Trains the image tokenizer further by what captions say, where the configuration asks for it and there are pixels. */
function refineImageTokenizer(run: RunContext<RunSettings>, vqvae: VqVae, data: RunDataset, learnedFrom: RunData) {
  const { folder, group, settings, signal } = run;
  const { captions, images } = data.train;
  const training = refinementOf(settings, images.count);
  return (
    training &&
    refineVqVae({
      ...{ vqvae, images, captions, training, seed: settings.seed, signal, group, runId: learnedFrom.sha256 },
      heldOut: firstOf(data.test, epochImages).images,
      stage: (name) => ({
        checkpoint: folder.file(trainingFiles[name]),
        observers: stageOf(run, name, observing).observers,
      }),
    })
  );
}

function refinementOf({ config: { vqvae } }: RunSettings, count: number): RefinementSettings | undefined {
  if (vqvae.refinement === undefined || vqvae.head === "categorical") {
    return undefined;
  }
  const { averageDecay, classifierSteps, steps } = vqvae.refinement;
  const warmUpSteps = Math.min(usualRefinement.warmUpSteps!, steps >> 2);
  const sizes = { steps, classifierSteps, batchSize: Math.min(usualRefinement.batchSize, count), warmUpSteps };
  return { ...usualRefinement, ...sizes, weightAverage: { decay: averageDecay } };
}

function createTokenizer(
  { family }: RunSettings,
  { codebookSize, codeGrid }: VqVae,
  { test, train, words }: RunDataset,
): MultimodalTokenizer {
  return MultimodalTokenizer.create({
    codebookSize,
    codeGrid,
    ...(family === "diffusion" && { maskToken: true, nullToken: true }),
    ...(words ? { words, captionLength: 6 } : { captions: [...train.captions, ...test.captions] }),
  });
}

async function saveCodec(
  { folder }: RunContext<unknown>,
  parts: Pick<ModelParts, "vqvae" | "tokenizer">,
): Promise<void> {
  await folder.write(modelFiles.tokenizer, tokenizerFile(parts.tokenizer));
  await folder.write(modelFiles.vqvae, await parts.vqvae.toSafetensors({ run: await runIdOf(parts) }));
}

interface SequenceData {
  readonly vqvae: VqVae;
  readonly tokenizer: MultimodalTokenizer;
  readonly data: RunDataset;
  readonly codes: { readonly train: CodeBatch; readonly test: CodeBatch };
  /** Whose transformer this one begins with. */
  readonly known: ModelParts | undefined;
}

async function trainSequenceModel(
  run: RunContext<RunSettings>,
  { codes, data, known, tokenizer, vqvae }: SequenceData,
) {
  const { folder, settings, signal } = run;
  const { config, seed } = settings;
  const family = familyOf(settings);
  const pairs = { tokenizer, codes: codes.train, captions: data.train.captions };
  const heldOut = { tokenizer, codes: codes.test, captions: data.test.captions };
  if (!run.resume && !run.group?.rank) {
    await clearEpochSamples(folder);
  }
  const training = trainingOf(settings, config.transformer, data.train.images.count);
  const epochs = Math.ceil(
    totalSteps(training, codes.train.count) / Math.floor(codes.train.count / training.batchSize),
  );
  const evaluate = heldOutEvaluation(family, { ...heldOut, signal });
  const result = await trainTransformer({
    model: sizesOf(settings),
    from: known && { transformer: known.transformer, ids: matchIds(tokenizer, known.tokenizer) },
    runId: (stored) => runIdOf({ vqvae, tokenizer }, stored),
    tokenizer,
    examples: trainingSequences(family, { ...pairs, seed }),
    training,
    evaluate: async (transformer: TinyTransformer, epoch) => {
      const metrics = await evaluate(transformer);
      const models = { vqvae, tokenizer, transformer, diffusion: family.diffusion };
      await drawEpochSamples(run, models, { captions: data.test.captions, epoch, epochs });
      return metrics;
    },
    checkpoint: folder.file(trainingFiles.transformer),
    ...{ seed, ...stageOf(run, "transformer", observing) },
  });
  const runId = await runIdOf({ vqvae, tokenizer });
  await folder.write(modelFiles.transformer, await result.transformer.toSafetensors({ run: runId }));
  return result;
}

/**
 * How this pipeline trains either model: warm-up, then a cosine to 0.
 *
 * A folder may hold few images or many: it is trained on for as many steps as the preset's own number of images gives.
 *
 * @param count - Training images that there are.
 */
function trainingOf(
  { config, data }: RunSettings,
  stage: RunConfig["transformer"] | RunConfig["vqvae"],
  count: number,
) {
  const { batchSize, clipNorm, epochs, learningRate, optimizer, warmUpSteps, weightDecay, ...rest } = stage;
  const averageDecay = "averageDecay" in rest ? rest.averageDecay : undefined;
  const averaged = averageDecay !== undefined && { weightAverage: { decay: averageDecay } };
  const settings = { clipNorm, learningRate, optimizer, weightDecay, ...averaged };
  if (data !== "folder") {
    return { ...settings, batchSize, epochs, warmUpSteps };
  }
  const steps = Math.max(1, Math.floor(config.data.trainCount / batchSize)) * epochs;
  return { ...settings, batchSize: Math.min(batchSize, count), steps, warmUpSteps: Math.min(warmUpSteps, steps) };
}
