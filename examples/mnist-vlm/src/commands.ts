import { fileURLToPath } from "node:url";
import { ConfigError } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import {
  addComputeOptions,
  addRunOptions,
  addSamplingOptions,
  type ComputeFlags,
  checkDrawnCount,
  checkpointsOption,
  fromCaller,
  interruptSignal,
  RunFolder,
  type SamplingFlags,
  startRun,
  wholeNumber,
} from "@mmgen/example-harness";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { Command } from "commander";
import { drawImages, loadModelParts, loadSequenceModels } from "mmgen";
import { type BackendChoice, backendChoices, type OnnxDevice, onnxDevices, selectBackend } from "mmgen/node";
import { runs, type TrainFlags } from "./config.js";
import { classifyDigits } from "./evaluate.js";
import { digitNames, formatLetters, parseLetters } from "./lines.js";
import { command, runPipeline } from "./pipeline.js";
import { summarize } from "./report.js";

const exampleFolder = fileURLToPath(new URL("..", import.meta.url));
const compute = { backends: backendChoices, devices: onnxDevices };
const startBackend = ({ backend, device, replay }: ComputeFlags): Promise<string> =>
  selectBackend(backend as BackendChoice, device as OnnxDevice, { replay });

/** Options of what works with the checkpoints of a run. */
export interface ModelFlags extends ComputeFlags {
  readonly checkpoints?: string;
}

export interface ClassifyFlags extends ModelFlags {
  readonly letters?: readonly string[];
}

export interface DrawFlags extends ModelFlags, SamplingFlags {
  readonly count: number;
  readonly out: string;
  readonly letters?: readonly string[];
  readonly seed: number;
}

/** What each command does. */
export interface Commands {
  readonly train: (flags: TrainFlags) => Promise<void>;
  readonly classify: (files: readonly string[], flags: ClassifyFlags) => Promise<void>;
  readonly draw: (digit: string | undefined, flags: DrawFlags) => Promise<void>;
}

/** The commands of `npm run mnist-vlm`. */
export const commands: Commands = { train, classify, draw };

/** Runs the command that the arguments name; a wrong option prints one line and throws a CommanderError. */
export async function runCommandLine(argv: readonly string[], { train, classify, draw }: Commands): Promise<void> {
  const program = new Command("npm run mnist-vlm --")
    .description("An image as eight letters, a sentence as characters, and one GPT that classifies and draws.")
    .enablePositionalOptions()
    .option("--lines <file>", "train on these lines alone, text or gz; valid.txt for train.txt lies beside it")
    .exitOverride()
    .action((flags: TrainFlags) => train(flags));
  addRunOptions(program, { runs, dataDir: "MNIST", ...compute });
  addComputeOptions(program.command("classify"), compute)
    .description("names the digit in images (PNG, 28×28), as JSON lines on standard output")
    .argument("[files...]", "images, light digits on black")
    .option("--letters <words...>", "images that are letters already, such as ABCDEFGH")
    .addOption(checkpointsOption())
    .action((files: string[], flags: ClassifyFlags) => classify(files, flags));
  addSamplingOptions(addComputeOptions(program.command("draw"), compute))
    .description("draws a digit, several times, as a PNG grid")
    .argument("[digit]", "0 to 9")
    .option("--count <number>", "images to draw, 1 to 1000", wholeNumber, 9)
    .option("--out <file>", "the grid", "drawn.png")
    .option("--letters <words...>", "instead of a digit: the images that these letters stand for")
    .option("--seed <number>", "seed of the draws", wholeNumber, 1)
    .addOption(checkpointsOption())
    .action((digit: string | undefined, flags: DrawFlags) => draw(digit, flags));
  await program.parseAsync([...argv], { from: "user" });
}

function train(flags: TrainFlags): Promise<void> {
  return startRun(flags, {
    ...{ command, folder: exampleFolder, runs, pipeline: runPipeline, summarize },
    ...{ startBackend, loadMpi: () => import("@mmgen/mpi") },
  });
}

/** Classifies images, or images that are letters already: a JSON line each. */
async function classify(files: readonly string[], { letters, ...flags }: ClassifyFlags): Promise<void> {
  if (files.length > 0 === (letters !== undefined)) {
    throw new ConfigError("classify: give either image files or --letters; --help lists the options.");
  }
  const folder = await openRun(flags);
  const likeliest = { seed: 0, temperature: 0, signal: interruptSignal().signal };
  if (letters !== undefined) {
    const models = await folder.load(loadSequenceModels);
    const digits = await classifyDigits(models, parseLetters(models.tokenizer, letters), likeliest);
    writeLines(letters.map((word, i) => ({ letters: word, digit: digits[i] })));
    return;
  }
  const models = await folder.load(loadModelParts);
  const codes = await models.vqvae.encode(await readImages(files.map(fromCaller), models.vqvae.imageShape));
  const digits = await classifyDigits(models, codes, likeliest);
  const words = formatLetters(models.tokenizer, codes);
  writeLines(files.map((file, i) => ({ file, letters: words[i], digit: digits[i] })));
}

/** Draws a digit several times, or decodes letters. */
async function draw(digit: string | undefined, flags: DrawFlags): Promise<void> {
  const { count, letters, seed } = flags;
  if ((digit === undefined) === (letters === undefined)) {
    throw new ConfigError("draw: give either a digit or --letters; --help lists the options.");
  }
  if (digit !== undefined && !digitNames.includes(digit)) {
    throw new ConfigError(`draw: expected a digit from 0 to 9, got "${digit}".`);
  }
  checkDrawnCount(count);
  const folder = await openRun(flags);
  const models = await folder.load(loadModelParts);
  const path = fromCaller(flags.out);
  if (letters !== undefined) {
    const images = await models.vqvae.decode(parseLetters(models.tokenizer, letters));
    await writePng(path, imageGrid({ images, captions: letters }));
  } else {
    const { sampling: ofRun } = (await runs.readSettings(folder)).config;
    const { temperature = ofRun.temperature, topP = ofRun.topP } = flags;
    const sampling = { seed, temperature, topP, signal: interruptSignal().signal };
    const images = await drawImages(models, new Array<string>(count).fill(digit!), sampling);
    await writePng(path, imageGrid({ images, title: `Digit ${digit}`, subtitle: `seed ${seed}` }));
  }
  process.stderr.write(`Wrote ${path}\n`);
}

/** Starts the backend; the folder of the run. */
async function openRun({ checkpoints, ...flags }: ModelFlags): Promise<RunFolder> {
  process.stderr.write(`Backend: ${await startBackend(flags)}.\n`);
  return new RunFolder(checkpoints, exampleFolder, command);
}

function writeLines(rows: readonly object[]): void {
  process.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
