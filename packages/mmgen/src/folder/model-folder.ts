import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError, resolveLimits, soleProcess } from "@mmgen/core";
import { lockFolder, type RunLock, writeFileAtomic } from "@mmgen/core/node";
import type { LoadOptions } from "@mmgen/nn";
import { checkFields } from "../model/check-arguments.js";
import { type ModelOptions, modelFields } from "../model/model-options.js";
import { modelFiles } from "../model/model-parts.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import type { SaveModelOptions } from "../model/saved-files.js";
import {
  type CheckpointStore,
  codeFiles,
  type TrainOptions,
  trainFields,
  trainingFiles,
} from "../model/train-options.js";
import { checkedReader, manifestFile } from "../published/manifest.js";
import { checkMemory } from "./check-memory.js";
import { folderReader, folderStore } from "./folder-store.js";
import { cardFiles, type ModelCardOptions, resolveModelCard, writeModelCard } from "./model-card.js";
import { ensureBackend } from "./select-backend.js";

/** Options of the functions that may have to start a backend. */
export interface BackendLog {
  /** Receives the line that says which backend runs. Default: standard error, where this call started it. */
  readonly onBackend?: ((line: string) => void) | undefined;
}

/** Options of what writes a model into a folder. */
export interface CardOption {
  /**
   * What the folder's README.md tells, which has the form of the Hugging Face Hub's model cards; `false` writes none. One
   * that was not written here is never replaced. Default: what the model itself tells.
   */
  readonly card?: ModelCardOptions | false | undefined;
}

/** Options of {@link saveTo}. */
export interface SaveToOptions extends SaveModelOptions, CardOption {}

/** Options of {@link trainInto}. */
export interface TrainIntoOptions extends Omit<TrainOptions, "checkpoints">, ModelOptions, BackendLog, CardOption {
  /** Writes the training's state every so many steps too. Default: after each epoch, by time, and at the end. */
  readonly everySteps?: number | undefined;
  /** Seconds after which the state is written within an epoch. Default 600. */
  readonly everySeconds?: number | undefined;
  /** Receives the line that says that memory may not suffice. Default: standard error. */
  readonly onWarning?: ((line: string) => void) | undefined;
  /** Replaces the files of another training that lie there. Default: they are refused. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes a model's files into a folder, then `model-manifest.json`, their checksums, and README.md, what it is; each all or
 * nothing. Missing folders are made.
 *
 * @param options - `dtype`: see `MultimodalModel.save`; `card`: what README.md tells.
 * @throws a `ConfigError` for another dtype, or a card's option that cannot be.
 * @throws a `DataError` naming the path that cannot be written, or the training that goes on in the folder.
 */
export async function saveTo(folder: string, model: MultimodalModel, options: SaveToOptions = {}): Promise<void> {
  checkFields("saveTo", options, ["dtype", "card"]);
  const { card: asked, ...saving } = options;
  const card = resolveModelCard(asked);
  const files = await model.save(saving);
  const lock = await lockFolder(folder);
  try {
    // While files of two models may lie there, nothing says that they belong together.
    await rm(join(folder, manifestFile), { force: true });
    for (const [name, bytes] of files) {
      await writeFileAtomic(join(folder, name), bytes);
    }
    if (card !== false) {
      await writeModelCard(folder, model, { card, facts: { samples: 0 } });
    }
  } finally {
    await lock.release();
  }
}

/**
 * Loads the model in a folder, and checks its files where it has a manifest. Starts ONNX Runtime where the program has chosen no backend.
 *
 * @param options - `limits`: what the files may take; see `defaultLimits` of `@mmgen/core`.
 * @throws a {@link CheckpointError} naming the file that is missing, damaged, or of another run.
 * @throws a `ConfigError` naming the packages to install where there is no backend to run it on.
 */
export async function loadFrom(folder: string, options: BackendLog & LoadOptions = {}): Promise<MultimodalModel> {
  checkFields("loadFrom", options, ["onBackend", "limits"]);
  const limits = resolveLimits(options.limits, "loadFrom: limits");
  await startBackend(options);
  return inFolder(folder, () => MultimodalModel.load(checkedReader(folderReader(folder, limits), limits), { limits }));
}

/**
 * Trains a model into a folder: its state is kept there while it trains, its files, `model-manifest.json` and README.md when it is done. The same
 * call goes on where an earlier one was stopped, bit for bit, and returns at once where one was finished.
 *
 * Starts ONNX Runtime where the program has chosen no backend. Everything that can be refused is refused before the folder
 * is touched; from then on no other run may write into it.
 *
 * @throws a `ConfigError` for options that cannot be, a training that takes more memory than the machine has among them.
 * @throws a `DataError` when another run trains into the folder, or it cannot be written.
 * @throws a {@link CheckpointError} when the folder holds another model or the training of other data or settings.
 * @throws an `AbortedError` when the signal fires; the same call then goes on from there.
 */
export async function trainInto(folder: string, options: TrainIntoOptions): Promise<MultimodalModel> {
  checkFields("trainInto", options, trainIntoFields);
  const { card: asked, everySeconds, everySteps, onBackend, onWarning, overwrite = false, ...training } = options;
  const card = resolveModelCard(asked);
  const isFirst = (training.group ?? soleProcess).rank === 0;
  const holds = (names: readonly string[]) => names.some((name) => existsSync(join(folder, name)));
  if (isFirst && !overwrite && holds(Object.values(modelFiles)) && !holds(stateFiles)) {
    throw new CheckpointError(
      `${folder} holds a model that was not trained there. Train into another folder, or give overwrite: true to replace it.`,
    );
  }
  await startBackend({ onBackend });
  // A finished training takes no more than loading it.
  if (overwrite || !existsSync(join(folder, modelFiles.model))) {
    const warning = checkMemory({ ...(await MultimodalModel.estimateMemory(training)) });
    if (warning !== undefined) {
      (onWarning ?? ((line) => process.stderr.write(`Warning: ${line}\n`)))(warning);
    }
  }
  const store = { ...folderStore(folder, everySteps), everySeconds };
  const isFinished = !overwrite && cardIsWritten(folder);
  const { checkpoints, release } = locked(overwrite ? emptied(store, folder) : store, folder);
  const remedy = " Train into another folder, or give overwrite: true to start anew in this one.";
  try {
    const model = await inFolder(folder, () => MultimodalModel.train({ ...training, checkpoints }), remedy);
    if (isFirst && card !== false && !isFinished) {
      const examples = { trained: training.images.count, heldOut: training.heldOut?.images.count ?? 0 };
      try {
        await writeModelCard(folder, model, { card, facts: { examples, samples: 9 } });
      } catch (error) {
        model.dispose();
        throw error;
      }
    }
    return model;
  } finally {
    await release();
  }
}

const trainIntoFields = [
  ...trainFields.filter((name) => name !== "checkpoints"),
  ...modelFields,
  ...["everySteps", "everySeconds", "onBackend", "onWarning", "overwrite", "card"],
];

/** Whether a training in a folder has come to its end, its card included. */
function cardIsWritten(folder: string): boolean {
  return [modelFiles.model, cardFiles.card].every((name) => existsSync(join(folder, name)));
}

/** A folder that is locked when the first file is read or written: not before the options are checked. */
function locked(store: CheckpointStore, folder: string): { checkpoints: CheckpointStore; release(): Promise<void> } {
  let lock: Promise<RunLock> | undefined;
  const hold = () => (lock ??= lockFolder(folder));
  return {
    checkpoints: {
      ...store,
      read: async (name) => {
        await hold();
        return store.read(name);
      },
      write: async (name, bytes) => {
        await hold();
        await store.write(name, bytes);
      },
    },
    release: async () => (await lock?.catch(() => undefined))?.release(),
  };
}

/** Files that a training leaves beside its model's. */
const stateFiles: readonly string[] = [trainingFiles, codeFiles].flatMap((names) => Object.values(names));
const ownFiles: readonly string[] = [manifestFile, ...Object.values(modelFiles), ...stateFiles];

/** A folder whose earlier files are gone as soon as there is something to write: not before the options are checked. */
function emptied(store: CheckpointStore, folder: string): CheckpointStore {
  let isEmpty = false;
  return {
    ...store,
    read: async (name) => (isEmpty ? store.read(name) : undefined),
    write: async (name, bytes) => {
      if (!isEmpty) {
        await Promise.all(ownFiles.map((file) => rm(join(folder, file), { force: true })));
        isEmpty = true;
      }
      await store.write(name, bytes);
    },
  };
}

/** Starts ONNX Runtime where the program has chosen no backend, and says so. */
export async function startBackend({ onBackend }: BackendLog): Promise<void> {
  const { line, isNew } = await ensureBackend();
  if (onBackend !== undefined) {
    onBackend(line);
  } else if (isNew) {
    process.stderr.write(`Backend: ${line}.\n`);
  }
}

/** Names the folder in what cannot be read from it, and says what can be done. */
async function inFolder<Result>(folder: string, work: () => Promise<Result>, remedy = ""): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (CheckpointError.isInstance(error)) {
      throw new CheckpointError(`${folder}: ${error.message}${remedy}`, { cause: error });
    }
    throw error;
  }
}
