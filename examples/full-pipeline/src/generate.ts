import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  ConfigError,
  DataError,
  type ImageBatch,
  type SequenceDecoding,
  type SequenceModel,
  sliceImages,
  type TokenBatch,
} from "@mmgen/core";
import { readFileText, writeFileAtomic } from "@mmgen/core/node";
import { avatarAttribution, readImages } from "@mmgen/datasets/node";
import {
  type ComputeFlags,
  checkDrawnCount,
  fromCaller,
  interruptSignal,
  RunFolder,
  type SamplingFlags,
} from "@mmgen/example-harness";
import { completionRows, imageGrid, imagePixels, maskedImages } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { generate } from "@mmgen/samplers";
import {
  type FamilyParts,
  type GenerationOptions,
  loadModelParts,
  type ModelParts,
  type PairMethods,
  pairMethods,
  resolveDiffusion,
  type SequenceConfig,
} from "mmgen";
import { command, type RunConfig, type RunSettings, runs } from "./config.js";

/** Options of `npm run generate`: exactly one of the first three. */
export interface GenerateOptions extends SamplingFlags, ComputeFlags {
  readonly text?: string;
  readonly captions?: string;
  readonly images?: readonly string[];
  readonly count: number;
  readonly out: string;
  readonly outDir?: string;
  readonly checkpoints?: string;
  readonly seed: number;
  readonly greedy: boolean;
}

/** Throws a {@link ConfigError} unless the options name one task and what it needs. */
export function checkGenerateOptions({ captions, count, images, outDir, text }: GenerateOptions): void {
  if ([text, captions, images].filter((task) => task !== undefined).length !== 1) {
    throw new ConfigError("Give one of --text, --captions or --images; --help lists the options.");
  }
  if (captions !== undefined && outDir === undefined) {
    throw new ConfigError("--captions needs --out-dir, the folder for its images.");
  }
  checkDrawnCount(count);
}

/** Draws captions or captions images with the models of a run. */
export async function runGenerate(options: GenerateOptions, exampleFolder: string): Promise<void> {
  const folder = new RunFolder(options.checkpoints, exampleFolder, command);
  const settings = await runs.readSettings(folder);
  const { sampling: ofRun } = settings.config;
  const models = await folder.load(loadModelParts);
  const methods = methodsOf({ ...models, diffusion: familyOf(settings).diffusion }, settings.config);
  const { seed, greedy, temperature = ofRun.temperature, topP = ofRun.topP } = options;
  const sampling = { seed, topP, temperature: greedy ? 0 : temperature, signal: interruptSignal().signal };
  if (options.text !== undefined) {
    await drawGrid(methods, { ...options, text: options.text }, sampling);
  } else if (options.captions !== undefined) {
    await drawFile(methods, { file: fromCaller(options.captions), folder: fromCaller(options.outDir!) }, sampling);
  } else {
    const images = await readImages(options.images!.map(fromCaller), models.vqvae.imageShape);
    await captionFiles(methods, { files: options.images!, images }, sampling);
  }
  if (settings.data === "avatars" && options.images === undefined) {
    process.stderr.write(`${avatarAttribution}\n`);
  }
}

/** One caption, drawn several times, as a grid. */
async function drawGrid(
  methods: PairMethods,
  { count, out, text }: Pick<GenerateOptions, "count" | "out"> & { readonly text: string },
  sampling: GenerationOptions,
): Promise<void> {
  const images = await methods.draw(new Array<string>(count).fill(text), sampling);
  const path = fromCaller(out);
  await writePng(path, imageGrid({ images, title: text, subtitle: `seed ${sampling.seed}` }));
  process.stderr.write(`Wrote ${path}\n`);
}

/** Each line of a file as an image of exactly the model's size, with an index of file names and captions. */
async function drawFile(
  methods: PairMethods,
  { file, folder }: { readonly file: string; readonly folder: string },
  sampling: GenerationOptions,
): Promise<void> {
  const text = await readFileText(file, "caption file");
  const captions = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== "");
  if (captions.length === 0) {
    throw new DataError(`${file} holds no captions; expected one a line, such as "dark green eight on bright cyan".`);
  }
  const images = await methods.draw(captions, sampling);
  const files = captions.map((_, index) => `${String(index).padStart(4, "0")}.png`);
  for (const [index, name] of files.entries()) {
    await writePng(join(folder, name), imagePixels(images, index));
  }
  const index = captions.map((caption, i) => ({ file: files[i], caption }));
  await writeFileAtomic(join(folder, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
  process.stderr.write(`Wrote ${files.length} images and index.json to ${folder}\n`);
}

/** A caption for each image file, as JSON lines on standard output. */
async function captionFiles(
  methods: PairMethods,
  { files, images }: { readonly files: readonly string[]; readonly images: ImageBatch },
  sampling: GenerationOptions,
): Promise<void> {
  const captions = await methods.caption(images, sampling);
  for (const [i, file] of files.entries()) {
    process.stdout.write(`${JSON.stringify({ file, caption: captions[i] })}\n`);
  }
}

/** What the family of a run's transformer makes of its settings: how it is trained, and how it is sampled. */
export function familyOf({ config, family }: RunSettings): SequenceConfig {
  const { textFirstShare, textWeight } = config.transformer;
  const weights = { text: textWeight };
  if (family !== "diffusion") {
    return { sequences: { weights, textFirstShare } };
  }
  const sampler = { type: "confidence", rounds: config.diffusion.rounds } as const;
  return { sequences: { weights }, diffusion: resolveDiffusion({ sampler }, { hasText: true, hasNull: true }) };
}

/** What can be done with a run's models, as its configuration has them drawn. */
export function methodsOf(models: FamilyParts, { diffusion, sampling }: RunConfig): PairMethods {
  return pairMethods(models, { ...sampling, ...(models.diffusion && { guidance: diffusion.guidance }) });
}

/** Which pixels are kept of images that are completed, by name; places are shares of the image's sides. */
const keptParts: Readonly<Record<string, (y: number, x: number) => boolean>> = {
  left: (_, x) => x < 0.5,
  frame: (y, x) => Math.max(Math.abs(y - 0.5), Math.abs(x - 0.5)) >= 0.25,
  middle: (y, x) => Math.max(Math.abs(y - 0.5), Math.abs(x - 0.5)) < 0.25,
};
/** Images that are completed, and completions of each. */
const shownCompletions = { images: 8, count: 2 };

/** Images of which parts are kept, as SVG by the part's name; none of the other family, which does not see both sides. */
export async function completeParts(
  models: FamilyParts,
  test: ImageBatch,
  { config, seed }: Pick<RunSettings, "config" | "seed">,
): Promise<Readonly<Record<string, string>>> {
  const { height, width } = test;
  const original = sliceImages(test, 0, Math.min(shownCompletions.images, test.count));
  const svgs: Record<string, string> = {};
  for (const [name, isKept] of Object.entries(models.diffusion ? keptParts : {})) {
    const place = (i: number) => [(Math.floor(i / width) + 0.5) / height, ((i % width) + 0.5) / width] as const;
    const mask = Uint8Array.from({ length: height * width }, (_, i) => Number(isKept(...place(i))));
    const masked = mask.map((flag) => 1 - flag);
    const completion = { images: original, keep: { mask }, count: shownCompletions.count };
    const { images } = await methodsOf(models, config).complete(completion, { seed });
    svgs[name] = completionRows({
      title: `Completed from ${name === "left" ? "the left half" : `the ${name}`}`,
      original,
      kept: maskedImages(original, { masked, grid: { height, width } }),
      completions: [{ label: "completed", images }],
    });
  }
  return svgs;
}

/** Milliseconds by ids generated, or by rounds, for several ways of generating the same rows. */
export interface GenerationTiming {
  /** What `x` counts. */
  readonly counted: "ids generated" | "rounds";
  /** Rows generated together. */
  readonly rows: number;
  readonly series: readonly { readonly label: string; readonly x: readonly number[]; readonly y: readonly number[] }[];
}

/** Rows that are timed together. */
const timedRows = 16;

/** Runs of which the fastest counts: the others waited for something else. */
const timedRuns = 3;

/** Times the generation of pairs by a run's models. */
export function timeGeneration(models: FamilyParts, signal: AbortSignal): Promise<GenerationTiming> {
  return models.diffusion === undefined ? timeSteps(models, signal) : timeRounds(models, signal);
}

/** Times pairs that are found in several numbers of rounds: in one call where the backend can, and a round a call. */
async function timeRounds(models: FamilyParts, signal: AbortSignal): Promise<GenerationTiming> {
  const ways = {
    ...(models.transformer.denoise && { "all rounds in one call": {} }),
    "a round a call": { onRound: () => {} },
  };
  const numbers = [4, 8, 16];
  const series = [];
  for (const [label, way] of Object.entries(ways)) {
    const y: number[] = [];
    for (const rounds of numbers) {
      const options = { seed: 1, signal, sampler: { type: "confidence", rounds } as const, ...way };
      const invent = () => pairMethods(models).invent(timedRows, options);
      // The first run compiles, which is not timed.
      await invent();
      y.push(await fastest(invent));
    }
    series.push({ label, x: numbers, y });
  }
  return { rows: timedRows, counted: "rounds", series };
}

/** Times pairs up to several lengths: as a whole, step by step with a cache, and without one. */
async function timeSteps({ tokenizer, transformer }: ModelParts, signal: AbortSignal): Promise<GenerationTiming> {
  const { vocabularySize, contextLength } = transformer;
  const stepwise = { vocabularySize, contextLength };
  const ways: Readonly<Record<string, SequenceModel>> = {
    ...(transformer.decode && { "all steps in one call": transformer }),
    "a step a call, with a cache": { ...stepwise, prefill: (ids) => transformer.prefill(ids) },
    "a step a call, without": { ...stepwise, prefill: (ids) => uncached(transformer, ids) },
  };
  const prompt = tokenizer.promptForPairs(timedRows);
  const maxSteps = tokenizer.sequenceLength - prompt.length;
  const lengths = [...new Set([1 / 4, 1 / 2, 3 / 4, 1].map((share) => Math.ceil(share * maxSteps)))];
  const series = [];
  for (const [label, model] of Object.entries(ways)) {
    const y: number[] = [];
    for (const steps of lengths) {
      const options = { model, prompt, steps, grammar: tokenizer.grammar(), seed: 1, signal };
      // The first run compiles, which is not timed.
      await generate(options);
      y.push(await fastest(() => generate(options)));
    }
    series.push({ label, x: lengths, y });
  }
  return { rows: timedRows, counted: "ids generated", series };
}

async function fastest(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < timedRuns; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
/** A decode that keeps nothing but the ids: every step runs the whole sequence again. */
async function uncached(model: SequenceModel, prompt: TokenBatch): Promise<SequenceDecoding> {
  const { count } = prompt;
  let ids = prompt;
  let current = await model.prefill(ids);
  return {
    get logits() {
      return current.logits;
    },
    get length() {
      return ids.length;
    },
    async step(next) {
      const length = ids.length + 1;
      const data = new Int32Array(count * length);
      for (let row = 0; row < count; row++) {
        data.set(ids.data.subarray(row * ids.length, (row + 1) * ids.length), row * length);
        data[row * length + ids.length] = next[row]!;
      }
      ids = { data, count, length };
      current.dispose();
      current = await model.prefill(ids);
      return current.logits;
    },
    dispose: () => current.dispose(),
  };
}

/**
 * The models of the run that this one goes on from, where `--from` names one.
 *
 * @throws a {@link ConfigError} when its image tokenizer was configured in another way.
 */
export async function modelsToContinue({ config, from }: RunSettings): Promise<ModelParts | undefined> {
  if (from === undefined) {
    return undefined;
  }
  const folder = new RunFolder(from, from, command);
  const { config: its, preset } = await runs.readSettings(folder);
  if (!isDeepStrictEqual(its.vqvae, config.vqvae)) {
    throw new ConfigError(
      `--from: the image tokenizer in ${from} (preset ${preset}) is not the one that these options describe. Give the --preset, --data and --config of that run.`,
    );
  }
  return folder.load(loadModelParts);
}
