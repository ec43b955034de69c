import { AbortedError } from "@mmgen/core";
import type { TrainingObserver } from "@mmgen/training";
import { expect } from "vitest";
import type { ModelOptions } from "./model-options.js";
import { squares } from "./squares.fixture.js";
import type { CheckpointStore, TrainOptions } from "./train-options.js";

const { images, captions } = squares(64, 1);

/** A model of a few steps, to see that the stages fit together; it learns next to nothing. */
export const tinyTraining = {
  ...{ images, captions, heldOut: squares(12, 2), preset: "smoke", seed: 3 },
  vqvae: { network: { hiddenChannels: 8 }, quantizer: { codebookSize: 8 }, training: { steps: 5 } },
  transformer: { width: 16, layers: 1, dropout: 0.1, training: { steps: 5 } },
} as const satisfies TrainOptions & ModelOptions;

/** A checkpoint store in memory. */
export function memoryStore(): CheckpointStore & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    read: (name) => files.get(name),
    write: async (name, bytes) => {
      files.set(name, bytes);
    },
  };
}

/** Stops a training after so many steps, counted over all stages. */
export function stopAfter(steps: number): {
  readonly signal: AbortSignal;
  readonly observers: readonly TrainingObserver[];
} {
  const controller = new AbortController();
  let left = steps;
  const onStep = () => {
    left--;
    if (left === 0) {
      controller.abort();
    }
  };
  return { signal: controller.signal, observers: [{ onStep }] };
}

/** Expects the work to stop with an `AbortedError`. */
export async function expectAborted(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toSatisfy(AbortedError.isInstance.bind(AbortedError));
}
