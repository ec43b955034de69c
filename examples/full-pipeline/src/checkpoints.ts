import { CheckpointError } from "@mmgen/core";
import { belongTogether, CheckpointFolder, type RunFolders, type TrainedModels } from "@mmgen/example-common";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";

/** Files of a run's checkpoint folder: the finished models, and what a resume needs. */
const files = {
  vqvae: "vqvae.safetensors",
  transformer: "transformer.safetensors",
  tokenizer: "tokenizer.json",
  classifier: "classifier.safetensors",
  vqvaeTraining: "vqvae-training.safetensors",
  transformerTraining: "transformer-training.safetensors",
} as const;

export type RunCheckpoints = CheckpointFolder<keyof typeof files>;

/** The checkpoints of a run. */
export function runCheckpoints({ checkpoints }: RunFolders): RunCheckpoints {
  return new CheckpointFolder(checkpoints, files, 'Train a model first with "npm start".');
}

/**
 * Loads the finished models of a run.
 *
 * @throws {@link CheckpointError} naming the file that is missing, damaged, or does not fit the others.
 */
export async function loadModels(folders: RunFolders): Promise<TrainedModels> {
  const checkpoints = runCheckpoints(folders);
  const tokenizer = await checkpoints.load("tokenizer", (bytes) =>
    MultimodalTokenizer.fromJSON(new TextDecoder().decode(bytes)),
  );
  const vqvae = await checkpoints.load("vqvae", VqVae.fromSafetensors);
  const transformer = await checkpoints.load("transformer", TinyTransformer.fromSafetensors);
  const models = { vqvae, tokenizer, transformer };
  if (!belongTogether(models)) {
    throw new CheckpointError(
      `The checkpoints in ${folders.checkpoints} are of different runs. Train again with "npm start".`,
    );
  }
  return models;
}
