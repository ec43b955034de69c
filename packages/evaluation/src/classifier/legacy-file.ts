import { readSafetensors, writeModelFile } from "@mmgen/core";

/**
 * A classifier's file under today's header and names.
 *
 * Before the first release the header was `{ format, config }`, and trunks and attributes had British names:
 * `colour.0.norm.weight`, `heads.digitColour.bias`.
 *
 * @param bytes - The whole file; borrowed. Any other file is returned as it is.
 * @throws a `CheckpointError` when the bytes are no safetensors file.
 */
export function upgradeLegacyFile(bytes: Uint8Array, kind: string): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.kind !== undefined || metadata.format !== kind) {
    return bytes;
  }
  return writeModelFile({
    kind,
    version: 1,
    config: parseConfig(metadata.config),
    tensors: new Map([...tensors].map(([name, tensor]) => [americanName(name), tensor])),
  });
}

function parseConfig(json: string | undefined): unknown {
  try {
    const config = JSON.parse(json ?? "");
    const attributes = config.attributes.map((attribute: { name: string }) => ({
      ...attribute,
      name: americanName(attribute.name),
    }));
    return { ...config, attributes };
  } catch {
    // The loader refuses it.
    return undefined;
  }
}

function americanName(name: string): string {
  return name.replaceAll("colour", "color").replaceAll("Colour", "Color");
}
