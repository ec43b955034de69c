import { CheckpointError } from "@mmgen/core";
import {
  belongTogether,
  CheckpointFolder,
  type RunFolders,
  type SequenceModels,
  type TrainedModels,
} from "@mmgen/example-common";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import { removeEarlierRun } from "./earlier-run.js";

/** What starts this example. */
export const command = "npm run mnist-vlm";

const files = {
  vqvae: "vqvae.safetensors",
  transformer: "transformer.safetensors",
  tokenizer: "tokenizer.json",
  vqvaeTraining: "vqvae-training.safetensors",
  transformerTraining: "transformer-training.safetensors",
} as const;

/** What a checkpoint holds: a finished part, the state of a training, or the transformer after so many steps. */
export type CheckpointName = keyof typeof files | `transformer-${number}`;
export type RunCheckpoints = CheckpointFolder<CheckpointName>;

/** The checkpoints of a run, with the transformers after `steps`. */
export function runCheckpoints(folders: RunFolders, steps: readonly number[] = []): RunCheckpoints {
  const kept = steps.map((step) => [`transformer-${step}`, `transformer-${step}.safetensors`]);
  const all: Record<CheckpointName, string> = { ...files, ...Object.fromEntries(kept) };
  return new RunCheckpointFolder(folders, all);
}

class RunCheckpointFolder extends CheckpointFolder<CheckpointName> {
  readonly #folders: RunFolders;

  constructor(folders: RunFolders, files: Readonly<Record<CheckpointName, string>>) {
    super(folders.checkpoints, files, `Train a model first with "${command}".`);
    this.#folders = folders;
  }

  /** Removes all that an earlier run left, its results and the models of its own steps too. */
  override async clear(): Promise<void> {
    await super.clear();
    await removeEarlierRun(this.#folders);
  }
}

/** What completes lines. @throws a {@link CheckpointError} naming the file that is missing or damaged. */
export async function loadSequenceModels(folders: RunFolders): Promise<SequenceModels> {
  const checkpoints = runCheckpoints(folders);
  const tokenizer = await checkpoints.load("tokenizer", (bytes) =>
    MultimodalTokenizer.fromJSON(new TextDecoder().decode(bytes)),
  );
  return { tokenizer, transformer: await checkpoints.load("transformer", TinyTransformer.fromSafetensors) };
}

/**
 * All finished parts of a run.
 *
 * @throws a {@link CheckpointError} naming the file that is missing, damaged, or does not fit the others.
 */
export async function loadModels(folders: RunFolders): Promise<TrainedModels> {
  const vqvae = await runCheckpoints(folders).load("vqvae", VqVae.fromSafetensors);
  const models = { vqvae, ...(await loadSequenceModels(folders)) };
  if (!belongTogether(models)) {
    throw new CheckpointError(
      `The checkpoints in ${folders.checkpoints} are of different runs. Train again with "${command}".`,
    );
  }
  return models;
}
