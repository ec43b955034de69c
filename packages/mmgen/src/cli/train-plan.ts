import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { CheckpointError, ConfigError, DataError, parseJson } from "@mmgen/core";
import { readFileText, writeFileAtomic } from "@mmgen/core/node";
import { type FrozenPart, frozenParts } from "../continuing/known-model.js";
import type { ModelCardOptions } from "../folder/model-card.js";
import { checkFields } from "../model/check-arguments.js";
import { type ModelOptions, modelFields } from "../model/model-options.js";
import { modelFiles } from "../model/model-parts.js";
import { trainingFiles } from "../model/train-options.js";
import type { FolderDataOptions } from "./folder-data.js";

/** A training as it was asked for, so that it can go on in another process. Plain JSON. */
export interface TrainPlan {
  /** Folder of the images, absolute. */
  readonly folder: string;
  readonly data: FolderDataOptions;
  readonly model: ModelOptions;
  /** Folder of the model to go on from, absolute. Absent where there is none. */
  readonly from?: string;
  /** What of it stays as it is. Absent: nothing. */
  readonly freeze?: FrozenPart;
  /** What the model's README.md tells. Absent: what the model itself tells. */
  readonly card?: Pick<ModelCardOptions, "data" | "license">;
  readonly seed: number;
}

/** Beside the states of the trainings, and as these needed only to go on. */
const planFile = "command-training.json";
const format = "mmgen-train";

/** Writes a plan into the folder of its training. */
export async function writeTrainPlan(out: string, { folder, from, ...plan }: TrainPlan): Promise<void> {
  // Relative, so that both may move, and a model that is passed on does not tell where its maker keeps files.
  const place = (path: string) => relative(resolve(out), path);
  const stored = { format, version: 1, folder: place(folder), ...(from && { from: place(from) }), ...plan };
  await writeFileAtomic(join(out, planFile), `${JSON.stringify(stored, null, 2)}\n`);
}

/**
 * Reads the plan of the training in a folder.
 *
 * @throws a {@link CheckpointError} where there is none, or its file is damaged.
 */
export async function readTrainPlan(out: string): Promise<TrainPlan> {
  const path = join(out, planFile);
  if (!existsSync(path)) {
    throw new CheckpointError(
      `${out}: no training of mmgen train was begun there. Begin one: mmgen train FOLDER --out ${out}`,
    );
  }
  const { value, problem } = parseJson(await readFileText(path, "plan of a training"));
  const json = (value ?? {}) as Partial<TrainPlan> & { readonly format?: unknown; readonly version?: unknown };
  const isWhole =
    json.format === format &&
    json.version === 1 &&
    typeof json.folder === "string" &&
    typeof json.seed === "number" &&
    (json.from === undefined || typeof json.from === "string") &&
    (json.freeze === undefined || frozenParts.includes(json.freeze)) &&
    [json.data, json.model, json.card ?? {}].every((part) => typeof part === "object" && part !== null);
  if (problem !== undefined || !isWhole) {
    throw new CheckpointError(`${path}: ${problem ?? "not the plan of a training"}; it is damaged or edited.`);
  }
  const { card, data, folder, freeze, from, model, seed } = json as TrainPlan;
  return {
    folder: resolve(out, folder),
    ...{ data, model, seed },
    ...(from !== undefined && { from: resolve(out, from) }),
    ...(freeze !== undefined && { freeze }),
    ...(card !== undefined && { card }),
  };
}

/** Throws a {@link ConfigError} where a folder holds a model or a training. */
export function checkUnused(out: string): void {
  const held = [planFile, ...Object.values(trainingFiles), ...Object.values(modelFiles)];
  const found = held.find((name) => existsSync(join(out, name)));
  if (found !== undefined) {
    const remedy = existsSync(join(out, planFile))
      ? "Go on with it by --resume, replace it by --overwrite"
      : "Replace it by --overwrite";
    throw new ConfigError(
      `--out: ${out} holds a model or a training already (${found}). ${remedy}, or choose another folder.`,
    );
  }
}

/**
 * Reads overrides of a preset from a JSON file.
 *
 * @throws a {@link DataError} where it is no JSON object; a {@link ConfigError} for a field that models do not have.
 */
export async function readModelOptions(path: string): Promise<ModelOptions> {
  const { value, problem } = parseJson(await readFileText(path, "configuration"));
  if (problem !== undefined) {
    throw new DataError(`${path}: ${problem}.`);
  }
  checkFields(path, value, modelFields);
  return value as ModelOptions;
}
