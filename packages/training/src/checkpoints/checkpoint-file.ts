import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import type { TrainOptions } from "../loop/train.js";

/**
 * Keeps a run's state in a file: give it to `train` as `checkpoint`. The file is written beside and renamed, so that it
 * is whole at every moment.
 *
 * @param options - `everySteps`: write within an epoch too.
 */
export function checkpointFile(
  path: string,
  options: { readonly everySteps?: number } = {},
): NonNullable<TrainOptions<unknown, unknown>["checkpoint"]> {
  return { ...options, write: (state) => saveTrainingState(path, state) };
}

/** Writes a state that `train` gave, atomically; missing folders are made. */
export async function saveTrainingState(path: string, state: Uint8Array): Promise<void> {
  await writeFileAtomic(path, state);
}

/**
 * Reads a state for `train`'s `resume`, which checks it.
 *
 * @throws a `DataError` naming the path when there is no such file or it cannot be read.
 */
export async function loadTrainingState(path: string): Promise<Uint8Array> {
  return readFileBytes(path, "training state");
}
