import { ConfigError } from "@mmgen/core";
import {
  drawCaptions,
  fromCaller,
  interruptSignal,
  prepareRun,
  readImages,
  runFolders,
  selectBackend,
} from "@mmgen/example-common";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { loadModels, loadSequenceModels } from "./checkpoints.js";
import { exampleFolder } from "./example-folder.js";
import { codesOf, digitNames, lettersOf } from "./letters.js";
import type { ClassifyOptions, Commands, DrawOptions, ModelOptions, TrainOptions } from "./options.js";
import { readDigits } from "./read-digits.js";
import { runVlm } from "./run.js";
import { newSettings, readRunSettings, resumedSettings } from "./settings.js";
import { summary } from "./summary.js";

/** What the command line can be asked for. */
export const commands: Commands = { train, classify, draw };

async function train(options: TrainOptions): Promise<void> {
  const run = await prepareRun(options, exampleFolder, (folders) =>
    options.resume ? resumedSettings(options, folders) : newSettings(options),
  );
  process.stdout.write(summary(await runVlm(run), run.folders));
}

/** Reads images, or images that are letters already: a JSON line each. */
async function classify(files: readonly string[], options: ClassifyOptions): Promise<void> {
  const { letters } = options;
  if (files.length > 0 === (letters !== undefined)) {
    throw new ConfigError("classify: give either image files or --letters; --help tells more.");
  }
  const folders = await prepare(options);
  const likeliest = { seed: 0, temperature: 0, signal: interruptSignal().signal };
  if (letters !== undefined) {
    const models = await loadSequenceModels(folders);
    const digits = await readDigits(models, codesOf(models.tokenizer, letters), likeliest);
    writeLines(letters.map((word, i) => ({ letters: word, digit: digits[i] })));
    return;
  }
  const models = await loadModels(folders);
  const { imageSide, channels, maxValue } = models.vqvae.config;
  const shape = { height: imageSide, width: imageSide, channels, maxValue };
  const codes = await models.vqvae.encode(await readImages(files.map(fromCaller), shape));
  const digits = await readDigits(models, codes, likeliest);
  const words = lettersOf(models.tokenizer, codes);
  writeLines(files.map((file, i) => ({ file, letters: words[i], digit: digits[i] })));
}

/** Images that one grid holds at most. */
const mostDrawn = 1000;

/** Draws a digit several times, or what letters stand for. */
async function draw(digit: string | undefined, options: DrawOptions): Promise<void> {
  const { count, letters, seed } = options;
  if ((digit === undefined) === (letters === undefined)) {
    throw new ConfigError("draw: give either a digit or --letters; --help tells more.");
  }
  if (digit !== undefined && !digitNames.includes(digit)) {
    throw new ConfigError(`draw: expected a digit from 0 to 9, got "${digit}".`);
  }
  if (count < 1 || count > mostDrawn) {
    throw new ConfigError(`--count: expected from 1 to ${mostDrawn}, got ${count}.`);
  }
  const folders = await prepare(options);
  const models = await loadModels(folders);
  const path = fromCaller(options.out);
  if (letters !== undefined) {
    const images = await models.vqvae.decode(codesOf(models.tokenizer, letters));
    await writePng(path, imageGrid({ images, captions: letters }));
  } else {
    const { sampling: ofRun } = (await readRunSettings(folders)).config;
    const { temperature = ofRun.temperature, topP = ofRun.topP } = options;
    const sampling = { seed, temperature, topP, signal: interruptSignal().signal };
    const images = await drawCaptions(models, new Array<string>(count).fill(digit!), sampling);
    await writePng(path, imageGrid({ images, title: `Digit ${digit}`, subtitle: `seed ${seed}` }));
  }
  process.stderr.write(`Wrote ${path}\n`);
}

/** Starts the backend, and says where the checkpoints lie. */
async function prepare(options: ModelOptions): Promise<ReturnType<typeof runFolders>> {
  process.stderr.write(`Backend: ${await selectBackend(options.backend)}.\n`);
  return runFolders(options.checkpoints, exampleFolder);
}

function writeLines(rows: readonly object[]): void {
  process.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
