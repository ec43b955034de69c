import { readSafetensors, type SafetensorsContent, type StoredTensor, writeSafetensors } from "@mmgen/core";
import { exportStateDict, importStateDict, type OwnWeights, type WeightNames } from "@mmgen/nn";
import type { Parameter, Weights } from "../networks/layers.js";
import type { VqVaeOptions } from "./vq-vae-config.js";

/** What a file of another program does not say of itself. */
export interface PyTorchOptions {
  /** The model that wrote the file, in this package's terms. */
  readonly config: VqVaeOptions;
  /** What it calls its weights; the names of this package's own files when absent. */
  readonly names?: WeightNames;
}

/**
 * The names of the fourth original's published autoencoder, the configuration `vqVaePresets["original-d"]`.
 *
 * @see https://github.com/suyashss/mnist_vlm/blob/main/vqvae_model.py
 */
export const originalDNames: WeightNames = {
  names: {
    "encoder.0": "encoder.fc1",
    "encoder.1": "encoder.fc2",
    "quantizer.codebook": "quantizer.embedding.weight",
    "decoder.0": "decoder.fc1",
    "decoder.1": "decoder.fc2",
  },
};

/**
 * A file of another program as the content of one of ours. What only this package's training keeps starts as if the
 * codebooks had just been initialized.
 *
 * @param weights - The model's, for their shapes.
 */
export function fromPyTorch(
  bytes: Uint8Array,
  names: WeightNames,
  parameters: readonly Parameter[],
  weights: Weights,
): SafetensorsContent {
  const tensors = importStateDict(readSafetensors(bytes), ownWeights(parameters, weights), names);
  for (const { name, besideImported } of parameters) {
    if (besideImported === "ones") {
      const { shape, size } = weights.get(name)!;
      tensors.set(name, { dtype: "float32", shape, data: new Float32Array(size).fill(1) });
    } else if (besideImported) {
      tensors.set(name, tensors.get(besideImported.equals)!);
    }
  }
  return { tensors, metadata: {} };
}

/** One of our files as another program would have written it. */
export function toPyTorch(
  bytes: Uint8Array,
  names: WeightNames,
  parameters: readonly Parameter[],
  weights: Weights,
): Uint8Array {
  const own: ReadonlyMap<string, StoredTensor> = readSafetensors(bytes).tensors;
  const tensors = exportStateDict(own, ownWeights(parameters, weights), names);
  return writeSafetensors({ tensors, metadata: { format: "pt" } });
}

function ownWeights(parameters: readonly Parameter[], weights: Weights): OwnWeights {
  const shared = parameters.filter(({ besideImported }) => besideImported === undefined);
  const shapes = shared.map(({ name, fileLayout }): [string, number[]] => {
    const { shape } = weights.get(name)!;
    return [name, fileLayout ? fileLayout.map((axis) => shape[axis]!) : shape];
  });
  return { shapes: new Map(shapes) };
}
