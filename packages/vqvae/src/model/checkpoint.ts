import { CheckpointError, readSafetensors } from "@mmgen/core";
import { assignSafetensors, type FileLayouts, weightsToSafetensors } from "@mmgen/nn";
import type * as tf from "@tensorflow/tfjs-core";
import { resolveVqVae, type VqVaeConfig } from "./vq-vae-config.js";

/** Says in a file's metadata whose it is. */
const model = "mmgen-vqvae";

/** Weights by name as one safetensors file, the configuration in its metadata. */
export function writeCheckpoint(
  config: VqVaeConfig,
  weights: ReadonlyMap<string, tf.Tensor>,
  layouts: FileLayouts,
): Promise<Uint8Array> {
  return weightsToSafetensors(weights, { metadata: { format: "pt", model, config: JSON.stringify(config) }, layouts });
}

/** A file's configuration, and the means to set a model's variables from it. */
export interface Checkpoint {
  readonly config: VqVaeConfig;
  assign(variables: ReadonlyMap<string, tf.Variable>, layouts: FileLayouts): void;
}

/**
 * Reads a file that {@link writeCheckpoint} wrote.
 *
 * @throws a {@link CheckpointError} when it is damaged or holds no configuration of a VqVae.
 */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const content = readSafetensors(bytes);
  if (content.metadata.model !== model) {
    throw new CheckpointError(
      `Expected a checkpoint of a VqVae (metadata model "${model}"), got ${content.metadata.model ?? "none"}. Was another model's file given?`,
    );
  }
  let config: VqVaeConfig;
  try {
    config = resolveVqVae(JSON.parse(content.metadata.config ?? ""));
  } catch (cause) {
    throw new CheckpointError(`The checkpoint's configuration cannot be used: ${(cause as Error).message}`, { cause });
  }
  return { config, assign: (variables, layouts) => assignSafetensors(variables, content, { layouts }) };
}
