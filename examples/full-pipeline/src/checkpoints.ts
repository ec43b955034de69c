import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError, MmgenError } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import type { RunFolders } from "./paths.js";

/** Files of a run's checkpoint folder: the finished models, and what a resume needs. */
export const checkpointFiles = {
  vqvae: "vqvae.safetensors",
  transformer: "transformer.safetensors",
  tokenizer: "tokenizer.json",
  classifier: "classifier.safetensors",
  vqvaeTraining: "vqvae-training.safetensors",
  transformerTraining: "transformer-training.safetensors",
} as const;

export type CheckpointFile = keyof typeof checkpointFiles;

/** Where a checkpoint file lies. */
export function checkpointPath(folders: RunFolders, file: CheckpointFile): string {
  return join(folders.checkpoints, checkpointFiles[file]);
}

/** Writes a checkpoint file, all or nothing. */
export function writeCheckpoint(
  folders: RunFolders,
  file: CheckpointFile,
  content: Uint8Array | string,
): Promise<void> {
  return writeFileAtomic(checkpointPath(folders, file), content);
}

/** A checkpoint file's bytes, or undefined where there is none. */
export async function readCheckpoint(folders: RunFolders, file: CheckpointFile): Promise<Uint8Array | undefined> {
  const path = checkpointPath(folders, file);
  return existsSync(path) ? readFileBytes(path, "checkpoint") : undefined;
}

/** Removes the files of an earlier run, so that none of them can pass for this one's. */
export async function clearCheckpoints(folders: RunFolders): Promise<void> {
  for (const file of Object.values(checkpointFiles)) {
    await rm(join(folders.checkpoints, file), { force: true });
  }
}

/** The three finished parts of a run. */
export interface TrainedModels {
  readonly vqvae: VqVae;
  readonly tokenizer: MultimodalTokenizer;
  readonly transformer: TinyTransformer;
}

/**
 * Loads the finished models of a run.
 *
 * @throws {@link CheckpointError} naming the file that is missing, damaged, or does not fit the others.
 */
export async function loadModels(folders: RunFolders): Promise<TrainedModels> {
  const tokenizer = await loadPart(folders, "tokenizer", (bytes) =>
    MultimodalTokenizer.fromJSON(new TextDecoder().decode(bytes)),
  );
  const vqvae = await loadPart(folders, "vqvae", VqVae.fromSafetensors);
  const transformer = await loadPart(folders, "transformer", TinyTransformer.fromSafetensors);
  const { codebookSize, codeGrid } = tokenizer.config;
  const fits =
    vqvae.codebookSize === codebookSize &&
    vqvae.codeGrid.height === codeGrid.height &&
    vqvae.codeGrid.width === codeGrid.width &&
    transformer.vocabularySize === tokenizer.vocabularySize &&
    transformer.contextLength >= tokenizer.sequenceLength;
  if (!fits) {
    throw new CheckpointError(
      `The checkpoints in ${folders.checkpoints} are of different runs. Train again with "npm start".`,
    );
  }
  return { vqvae, tokenizer, transformer };
}

async function loadPart<Part>(
  folders: RunFolders,
  file: CheckpointFile,
  parse: (bytes: Uint8Array) => Part,
): Promise<Part> {
  const path = checkpointPath(folders, file);
  const bytes = await readCheckpoint(folders, file);
  if (bytes === undefined) {
    throw new CheckpointError(`There is no ${path}. Train a model first with "npm start".`);
  }
  try {
    return parse(bytes);
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      throw new CheckpointError(`${path}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
