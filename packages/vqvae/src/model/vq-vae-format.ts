import type { ModelFile } from "@mmgen/core";
import type { ModelFormat } from "@mmgen/nn/layers";

/** How files of a VqVae are marked, and how older ones are read. */
export const vqVaeFormat: ModelFormat = {
  kind: "mmgen.vqvae",
  version: 1,
  legacy: { field: "model", value: "mmgen-vqvae" },
  upgrade: (file) => (file.version === 0 ? upgradeLegacy(file) : file),
};

/** Version 0 spelled some names in British English. */
function upgradeLegacy(file: ModelFile): ModelFile {
  const tensors = [...file.tensors].map(
    ([name, tensor]) => [name.replace(/\.initialised$/, ".initialized"), tensor] as const,
  );
  return { ...file, config: renamedField(file.config, "normalisation", "normalization"), tensors: new Map(tensors) };
}

/** A configuration of which the network's field `from` is called `to`. */
function renamedField(config: unknown, from: string, to: string): unknown {
  if (!isObject(config) || !isObject(config.network) || !Object.hasOwn(config.network, from)) {
    return config;
  }
  const { [from]: value, ...network } = config.network;
  return { ...config, network: { ...network, [to]: value } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
