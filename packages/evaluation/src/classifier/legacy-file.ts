import type { ModelFile } from "@mmgen/core";

/**
 * The content of a classifier's file under today's names.
 *
 * Before the first release trunks and attributes had British names: `colour.0.norm.weight`, `heads.digitColour.bias`.
 *
 * @param file - Borrowed. One of today's version is returned as it is.
 */
export function upgradeLegacyFile(file: ModelFile): ModelFile {
  if (file.version !== 0) {
    return file;
  }
  const tensors = new Map([...file.tensors].map(([name, tensor]) => [americanName(name), tensor]));
  return { ...file, config: upgradeConfig(file.config), tensors };
}

/** What is no configuration is left to the loader to refuse. */
function upgradeConfig(config: unknown): unknown {
  const { attributes } = (config ?? {}) as { readonly attributes?: unknown };
  if (!Array.isArray(attributes)) {
    return config;
  }
  const renamed = attributes.map((attribute: unknown) => {
    const name = (attribute as { readonly name?: unknown } | null)?.name;
    return typeof name === "string" ? { ...(attribute as object), name: americanName(name) } : attribute;
  });
  return { ...(config as object), attributes: renamed };
}

function americanName(name: string): string {
  return name.replaceAll("colour", "color").replaceAll("Colour", "Color");
}
