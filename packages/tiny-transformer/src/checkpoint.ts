import { CheckpointError, readSafetensors, type SafetensorsContent } from "@mmgen/core";
import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";
import { parameterCount } from "./weight-plan.js";

const kind = "@mmgen/tiny-transformer";

/** What a transformer's file says of itself, in its `__metadata__`. */
export function checkpointMetadata(config: TransformerConfig): Record<string, string> {
  return { model: kind, config: JSON.stringify(config) };
}

/**
 * Reads a transformer's file and the configuration in it.
 *
 * The size of the weights is checked against the configuration before anything is allocated for them.
 *
 * @throws a {@link CheckpointError} when the file is damaged, another model's, or its configuration is not valid.
 */
export function readCheckpoint(bytes: Uint8Array): { content: SafetensorsContent; config: TransformerConfig } {
  const content = readSafetensors(bytes);
  const { model = "none", config: written = "" } = content.metadata;
  if (model !== kind) {
    throw new CheckpointError(`Expected a checkpoint of ${kind}, got one whose metadata names the model "${model}".`);
  }
  const config = parseConfig(written);
  const expected = parameterCount(config);
  let found = 0;
  for (const { data } of content.tensors.values()) {
    found += data.length;
  }
  if (found !== expected) {
    throw new CheckpointError(
      `The checkpoint holds ${found} parameters and its configuration asks for ${expected}: it is damaged or edited.`,
    );
  }
  return { content, config };
}

function parseConfig(written: string): TransformerConfig {
  try {
    const parsed: unknown = JSON.parse(written);
    if (typeof parsed !== "object" || parsed === null) {
      throw new TypeError("not an object");
    }
    return resolveTransformer(parsed as TransformerOptions);
  } catch (error) {
    throw new CheckpointError(`The checkpoint's configuration is not valid: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
