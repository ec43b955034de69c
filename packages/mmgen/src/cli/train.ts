import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { type CaptionSource, captionSources } from "@mmgen/datasets/node";
import { tensorBoardLog, terminalProgress } from "@mmgen/training/node";
import type { VqVae } from "@mmgen/vqvae";
import { type Command, Option } from "commander";
import { type FrozenPart, frozenParts } from "../continuing/known-model.js";
import { type ModelFamily, modelFamilies } from "../diffusion/diffusion-options.js";
import { resolveModelCard } from "../folder/model-card.js";
import { loadFrom, trainInto } from "../folder/model-folder.js";
import { selectBackend } from "../folder/select-backend.js";
import type { ModelOptions } from "../model/model-options.js";
import { mmgenPresets, type PresetName } from "../model/presets.js";
import type { StageName } from "../model/train-options.js";
import { type FolderDataOptions, loadFolderData } from "./folder-data.js";
import {
  addComputeOptions,
  type ComputeFlags,
  positiveNumber,
  shareBelowOne,
  sideOf,
  wholeNumber,
} from "./option-groups.js";
import { interruptible, type Terminal } from "./terminal.js";
import { checkUnused, readModelOptions, readTrainPlan, type TrainPlan, writeTrainPlan } from "./train-plan.js";

/** Options of `mmgen train`, as typed. */
interface TrainFlags extends ComputeFlags {
  readonly out: string;
  readonly preset: PresetName;
  readonly family: ModelFamily;
  readonly composition: "whole" | "figure-ground";
  readonly side?: { readonly height: number; readonly width: number };
  readonly channels: "1" | "3";
  readonly levels: number;
  readonly fit: "cover" | "contain" | "fill";
  readonly captions?: CaptionSource;
  readonly classes?: boolean;
  readonly heldOut: number;
  readonly seed: number;
  readonly vqvaeSteps?: number;
  readonly transformerSteps?: number;
  readonly refinement: boolean;
  readonly from?: string;
  readonly freeze?: FrozenPart;
  readonly license?: string;
  readonly about?: string;
  readonly config?: string;
  readonly tensorboard?: string;
  readonly resume: boolean;
  readonly overwrite: boolean;
}

/** Options that a training that goes on takes; the others are those that it was begun with. */
const resumable: readonly string[] = ["out", "backend", "device", "replay", "tensorboard", "resume"];

/** Options that a model to go on from has decided. */
const decided: readonly string[] = ["composition", "side", "channels", "levels"];

/** Adds `mmgen train`. */
export function addTrainCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command("train")
    .description("Trains a model on a folder of images, with captions, with classes or alone.")
    .argument(
      "[folder]",
      "PNG, JPEG and WebP; captions in captions.csv, captions.jsonl, cat.txt beside cat.png, or as names of folders",
    )
    .option("--out <folder>", "where the model goes, and its state while it trains", "model")
    .addOption(
      new Option("--preset <name>", "size and time: seconds, a minute, 10 minutes, an hour")
        .choices(Object.keys(mmgenPresets))
        .default("quick"),
    )
    .addOption(
      new Option("--family <name>", "codes one after the other, or all at once in rounds")
        .choices([...modelFamilies])
        .default("autoregressive"),
    )
    .addOption(
      new Option("--composition <name>", "figure-ground: two flat colors and a shape, for icons and letters")
        .choices(["whole", "figure-ground"])
        .default("whole"),
    )
    .addOption(
      new Option(
        "--side <pixels>",
        "size that images are brought to, or height and width: 48x64 (default: the usual one in the folder, at most 64)",
      ).argParser(sideOf),
    )
    .addOption(new Option("--channels <number>", "3 for colors, 1 for gray").choices(["1", "3"]).default("3"))
    .addOption(
      new Option("--levels <number>", "levels of a channel; 4 suit flat colors").argParser(levelsOf).default(256),
    )
    .addOption(
      new Option("--fit <way>", "how images become that size").choices(["cover", "contain", "fill"]).default("cover"),
    )
    .addOption(
      new Option("--captions <source>", "where the captions are (default: found)").choices([...captionSources]),
    )
    .option("--classes", "captions are names of classes, each one id (default: where folders are named so)")
    .option("--no-classes", "names of folders are captions of words")
    .option("--held-out <share>", "share of the images to evaluate on, not to learn from", shareBelowOne, 0)
    .option("--seed <number>", "seed of everything random", wholeNumber, 0)
    .option("--vqvae-steps <number>", "steps of the image codec (default: the preset's)", positiveNumber)
    .option("--transformer-steps <number>", "steps of the transformer (default: the preset's)", positiveNumber)
    .option("--no-refinement", "train the image codec once, not again by what is said of the images")
    .option("--from <model>", "go on from this model, with new images and words")
    .addOption(
      new Option("--freeze <part>", "part of --from that stays as it is: vqvae, the image codec").choices([
        ...frozenParts,
      ]),
    )
    .option("--license <id>", "license of the model, for its README.md: mit, cc-by-4.0, …", licenseOf)
    .option("--about <text>", "what the images are, their license and whom to name, for README.md (Markdown)")
    .option("--config <file>", "JSON with any part of a model's configuration: vqvae, tokenizer, transformer, …")
    .option("--tensorboard <folder>", "log for TensorBoard there too")
    .option("--resume", "go on with the training in --out, as it was begun", false)
    .option("--overwrite", "replace the model or training in --out", false);
  addComputeOptions(command).action((folder: string | undefined, flags: TrainFlags) => {
    const typed = (name: string) => command.getOptionValueSource(name) === "cli";
    return train({ folder, flags, typed: Object.keys(flags).filter(typed) }, terminal);
  });
}

interface TrainCommand {
  readonly folder: string | undefined;
  readonly flags: TrainFlags;
  /** Names of the flags that were typed. */
  readonly typed: readonly string[];
}

async function train({ flags, folder, typed }: TrainCommand, terminal: Terminal): Promise<void> {
  const { backend, device, out, overwrite, replay, tensorboard } = flags;
  const log = (line: string) => void terminal.stderr.write(`${line}\n`);
  const plan = flags.resume ? await resumedPlan(out, folder, typed) : await newPlan(folder, flags, typed);
  log(`Backend: ${await selectBackend(backend, device, { replay })}.`);
  const next = ` Go on with: mmgen train --resume --out ${/\s/.test(out) ? JSON.stringify(out) : out}`;
  let isBegun = flags.resume;
  const work = async (signal: AbortSignal) => {
    using from = plan.from === undefined ? undefined : await loadFrom(plan.from);
    const data = { ...plan.data, ...(from && shapeOf(from.vqvae)) };
    const { heldOut, source, train: images } = await loadFolderData(plan.folder, data, { onMessage: log, signal });
    log(`Read ${source}.`);
    const onStart = async () => {
      // From here on nothing is refused any more, and the folder is this training's.
      isBegun ||= await writeTrainPlan(out, plan).then(() => true);
    };
    const observers = (stage: StageName) => [
      { name: "plan", onStart },
      terminalProgress({ label: stage, stream: terminal.stderr }),
      ...(tensorboard === undefined ? [] : [tensorBoardLog(join(tensorboard, stage))]),
    ];
    const { card, freeze, model, seed } = plan;
    const options = { ...images, ...model, from, freeze, heldOut, seed, card };
    (await trainInto(out, { ...options, overwrite, observers, signal, onWarning: log })).dispose();
  };
  await interruptible(terminal, work, { next: () => (isBegun ? next : "") });
  log(`Wrote the model to ${out}.`);
}

async function resumedPlan(out: string, folder: string | undefined, typed: readonly string[]): Promise<TrainPlan> {
  const other = typed.find((name) => !resumable.includes(name));
  if (other !== undefined) {
    const option = other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ConfigError(`--${option} cannot be given with --resume, which goes on as the training was begun.`);
  }
  const plan = await readTrainPlan(out);
  if (folder === undefined && !existsSync(plan.folder)) {
    throw new DataError(
      `${plan.folder}: the images that this training was begun with are no longer there. ` +
        `Say where they are: mmgen train FOLDER --resume --out ${out}`,
    );
  }
  return folder === undefined ? plan : { ...plan, folder: resolve(folder) };
}

async function newPlan(folder: string | undefined, flags: TrainFlags, typed: readonly string[]): Promise<TrainPlan> {
  if (folder === undefined) {
    throw new ConfigError("train: expected a folder of images, got none.");
  }
  const { captions, channels, classes, fit, freeze, from, heldOut, levels, out, overwrite, seed, side } = flags;
  const { about, license } = flags;
  const other = from === undefined ? undefined : typed.find((name) => decided.includes(name));
  if (other !== undefined) {
    throw new ConfigError(`--${other}: that of the model in --from, ${from}. Leave it out.`);
  }
  if (!overwrite) {
    checkUnused(out);
  }
  return {
    folder: resolve(folder),
    data: {
      ...{ channels: channels === "1" ? 1 : 3, maxValue: levels - 1, fit, testShare: heldOut, seed },
      ...(side !== undefined && { side }),
      ...(captions !== undefined && { captions }),
      ...(classes !== undefined && { classes }),
    },
    model: await modelOptions(flags, typed),
    ...((about ?? license) !== undefined && { card: { license, data: about } }),
    ...(from !== undefined && { from: resolve(from) }),
    ...(freeze !== undefined && { freeze }),
    seed,
  };
}

/** What a file says wins over the preset, and what was typed over the file. */
async function modelOptions(flags: TrainFlags, typed: readonly string[]): Promise<ModelOptions> {
  const { composition, config, family, from, preset, refinement, transformerSteps, vqvaeSteps } = flags;
  const { transformer, vqvae, ...file } = config === undefined ? {} : await readModelOptions(config);
  const steps = (count: number | undefined, training: object | undefined) =>
    count === undefined ? {} : { training: { ...training, steps: count } };
  const whole = { preset, family, composition };
  return {
    // A model to go on from has a family and a composition.
    ...(from === undefined ? whole : { preset }),
    ...file,
    ...Object.fromEntries(Object.entries(whole).filter(([name]) => typed.includes(name))),
    vqvae: { ...vqvae, ...steps(vqvaeSteps, vqvae?.training), ...(refinement ? {} : { refinement: false }) },
    transformer: { ...transformer, ...steps(transformerSteps, transformer?.training) },
  };
}

function shapeOf({ imageShape: { channels, height, maxValue, width } }: VqVae): Partial<FolderDataOptions> {
  return { side: { height, width }, channels: channels === 1 ? 1 : 3, maxValue };
}

function licenseOf(text: string): string {
  resolveModelCard({ license: text });
  return text;
}

function levelsOf(text: string): number {
  const levels = positiveNumber(text);
  if (levels < 2 || levels > 256) {
    throw new ConfigError(`--levels: expected a whole number from 2 to 256, got ${text}.`);
  }
  return levels;
}
