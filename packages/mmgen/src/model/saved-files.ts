import { resolveSaveOptions, type SavedDtype, type SaveOptions } from "@mmgen/nn";
import { VqVae } from "@mmgen/vqvae";
import { manifestFile, manifestOf } from "../published/manifest.js";
import { checkFields } from "./check-arguments.js";
import { type ModelDescription, modelDescriptionFile } from "./model-description.js";
import { type ModelParts, modelFiles, runIdOf, tokenizerFile } from "./model-parts.js";

/** How a model is saved. */
export type SaveModelOptions = Pick<SaveOptions, "dtype">;

/**
 * A model's files, by name; the last one is the manifest of the others.
 *
 * @throws a `ConfigError` for an unknown option or dtype.
 */
export async function savedFiles(
  parts: ModelParts,
  description: ModelDescription,
  options: SaveModelOptions,
): Promise<Map<string, Uint8Array>> {
  checkFields("save", options, ["dtype"]);
  const { dtype } = resolveSaveOptions(options);
  const run = await savedRunIdOf(parts, dtype);
  const files = await modelPartFiles(parts, run, dtype);
  files.set(modelFiles.model, modelDescriptionFile(description, run));
  return files.set(manifestFile, await manifestOf(files));
}

/**
 * All parts as files, by name, with the id of their run in each header.
 *
 * @param run - That id. Default: that of the weights as the files hold them.
 * @param dtype - How weights are written. Default `float32`.
 */
export async function modelPartFiles(
  parts: ModelParts,
  run?: string,
  dtype?: SavedDtype,
): Promise<Map<string, Uint8Array>> {
  const id = run ?? (await savedRunIdOf(parts, dtype));
  return new Map([
    [modelFiles.vqvae, await parts.vqvae.toSafetensors({ run: id, dtype })],
    [modelFiles.tokenizer, tokenizerFile(parts.tokenizer)],
    [modelFiles.transformer, await parts.transformer.toSafetensors({ run: id, dtype })],
  ]);
}

/** The id of the run for files of a dtype: of the weights that they give back, which make other codes than those held. */
async function savedRunIdOf(parts: ModelParts, dtype: SavedDtype = "float32"): Promise<string> {
  if (dtype === "float32") {
    return runIdOf(parts);
  }
  using vqvae = VqVae.fromSafetensors(await parts.vqvae.toSafetensors({ dtype }));
  return runIdOf({ ...parts, vqvae });
}
