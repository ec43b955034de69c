import { join } from "node:path";
import { ConfigError, DataError, type SequenceDecoding, type SequenceModel, type TokenBatch } from "@mmgen/core";
import { readFileText, writeFileAtomic } from "@mmgen/core/node";
import { readImages } from "@mmgen/datasets/node";
import { checkDrawnCount, fromCaller, interruptSignal, RunFolder, type SamplingFlags } from "@mmgen/example-harness";
import { imageGrid, imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { generate } from "@mmgen/samplers";
import { captionImages, drawImages, type GenerationOptions, loadModelParts, type ModelParts } from "mmgen";
import { command, runs } from "./config.js";

/** Options of `npm run generate`: exactly one of the first three. */
export interface GenerateOptions extends SamplingFlags {
  readonly text?: string;
  readonly captions?: string;
  readonly images?: readonly string[];
  readonly count: number;
  readonly out: string;
  readonly outDir?: string;
  readonly checkpoints?: string;
  readonly seed: number;
  readonly greedy: boolean;
  readonly backend: string;
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
  const { sampling: ofRun } = (await runs.readSettings(folder)).config;
  const models = await folder.load(loadModelParts);
  const { seed, greedy, temperature = ofRun.temperature, topP = ofRun.topP } = options;
  const sampling = { seed, topP, temperature: greedy ? 0 : temperature, signal: interruptSignal().signal };
  if (options.text !== undefined) {
    await drawGrid(models, { ...options, text: options.text }, sampling);
  } else if (options.captions !== undefined) {
    await drawFile(models, { file: fromCaller(options.captions), folder: fromCaller(options.outDir!) }, sampling);
  } else {
    await captionFiles(models, options.images!, sampling);
  }
}

/** One caption, drawn several times, as a grid. */
async function drawGrid(
  models: ModelParts,
  { count, out, text }: Pick<GenerateOptions, "count" | "out"> & { readonly text: string },
  sampling: GenerationOptions,
): Promise<void> {
  const images = await drawImages(models, new Array<string>(count).fill(text), sampling);
  const path = fromCaller(out);
  await writePng(path, imageGrid({ images, title: text, subtitle: `seed ${sampling.seed}` }));
  process.stderr.write(`Wrote ${path}\n`);
}

/** Each line of a file as an image of exactly the model's size, with an index of file names and captions. */
async function drawFile(
  models: ModelParts,
  { file, folder }: { readonly file: string; readonly folder: string },
  sampling: GenerationOptions,
): Promise<void> {
  const text = await readFileText(file, "caption file");
  const captions = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== "");
  if (captions.length === 0) {
    throw new DataError(`${file} holds no captions; expected one a line, such as "dark green eight on bright cyan".`);
  }
  const images = await drawImages(models, captions, sampling);
  const files = captions.map((_, index) => `${String(index).padStart(4, "0")}.png`);
  for (const [index, name] of files.entries()) {
    await writePng(join(folder, name), imagePixels(images, index));
  }
  const index = captions.map((caption, i) => ({ file: files[i], caption }));
  await writeFileAtomic(join(folder, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
  process.stderr.write(`Wrote ${files.length} images and index.json to ${folder}\n`);
}

/** A caption for each image file, as JSON lines on standard output. */
async function captionFiles(models: ModelParts, paths: readonly string[], sampling: GenerationOptions): Promise<void> {
  const images = await readImages(paths.map(fromCaller), models.vqvae.imageShape);
  const captions = await captionImages(models, images, sampling);
  for (const [i, file] of paths.entries()) {
    process.stdout.write(`${JSON.stringify({ file, caption: captions[i] })}\n`);
  }
}

/** Milliseconds by ids generated, for several ways of generating the same rows. */
export interface GenerationTiming {
  /** Rows generated together. */
  readonly rows: number;
  readonly series: readonly { readonly label: string; readonly x: readonly number[]; readonly y: readonly number[] }[];
}

/** Rows that are timed together. */
const timedRows = 16;

/** Runs of which the fastest counts: the others waited for something else. */
const timedRuns = 3;

/** Times the generation of pairs up to several lengths: as a whole, step by step with a cache, and without one. */
export async function timeGeneration(
  { tokenizer, transformer }: ModelParts,
  signal: AbortSignal,
): Promise<GenerationTiming> {
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
  return { rows: timedRows, series };
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
