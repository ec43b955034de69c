import { type Limits, resolveLimits, safetensorsSignature } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { fields, resolveOptions } from "@mmgen/core/options";
import { type CheckpointOptions, checkpointTimes } from "../loop/train-options.js";

/** Options of {@link checkpointFile}. */
export interface CheckpointFileOptions {
  /** Steps between two writes within an epoch. Absent: as the time says. */
  readonly everySteps?: number;
  /** Seconds after which the state is written within an epoch, counted from the last writing. Default 600. */
  readonly everySeconds?: number;
}

const checkpointFileSchema = fields(checkpointTimes);

/**
 * Keeps a run's state in a file: the `checkpoint` option of `train`. Each write goes to a temporary file that replaces
 * the old one, so that the file is complete at every moment.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function checkpointFile(path: string, options: CheckpointFileOptions = {}): CheckpointOptions {
  return { ...resolveOptions(checkpointFileSchema, options), write: (state) => saveTrainingState(path, state) };
}

/** Writes a state of `train` to a file, atomically; missing folders are made. */
export async function saveTrainingState(path: string, state: Uint8Array): Promise<void> {
  await writeFileAtomic(path, state);
}

/**
 * Reads a state for `train`'s `resume`, which checks it.
 *
 * @param options - `limits`: what the file may take. Default of its `fileBytes` here: any number, as a state is a file of
 *   one's own, of 12 bytes and more a parameter.
 * @throws a `DataError` naming the path when there is no such file, it cannot be read, is larger than `limits` let it be, or
 *   is no safetensors file.
 * @throws a `ConfigError` when a limit is unknown or out of range.
 */
export async function loadTrainingState(
  path: string,
  options: { readonly limits?: Partial<Limits> } = {},
): Promise<Uint8Array> {
  const { fileBytes } = resolveLimits(options.limits);
  const maxBytes = options.limits?.fileBytes === undefined ? Number.POSITIVE_INFINITY : fileBytes;
  return readFileBytes(path, "training state", { maxBytes, signature: safetensorsSignature });
}
