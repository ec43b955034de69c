import { CheckpointError, type LegacyHeader, type ModelFile, readModelFile, writeModelFile } from "@mmgen/core";
import { fields, oneOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { dequantizedWeights } from "../weights/quantized-weights.js";
import { type SavedDtype, savedDtypes, weightsOfDtype } from "../weights/saved-dtype.js";
import { buildWithin, type LoadOptions } from "./build-budget.js";
import type { Module } from "./module.js";

/** How a class of models marks its files. */
export interface ModelFormat {
  /** Such as `mmgen.vqvae`. */
  readonly kind: string;
  /** Of what is written; counted from 1. */
  readonly version: number;
  /** The mark of files from before there were kinds, which have version 0. */
  readonly legacy?: LegacyHeader;
  /** Turns the content of an older file into what a new one would hold; borrowed. */
  readonly upgrade?: (file: ModelFile) => ModelFile;
}

/**
 * A model as one safetensors file: its weights, its configuration, and the run that they came from.
 *
 * @param module - Borrowed; read back from the backend.
 * @param options - `config`: plain JSON that the model can be made from again; `run`: the module's own when absent;
 *   `dtype`: see {@link SaveOptions}.
 */
export async function saveModel(
  module: Module,
  { kind, version }: ModelFormat,
  { config, dtype = "float32", run = module.run }: SaveOptions & { readonly config: unknown },
): Promise<Uint8Array> {
  const tensors = weightsOfDtype(await module.storeWeights(), module.weights, dtype);
  return writeModelFile({ kind, version, ...(run !== undefined && { run }), config, tensors });
}

/** Options of a model's own `toSafetensors`. */
export interface SaveOptions {
  /** Id of the training run, written into the file. Default: that of the loaded file, if there was one. */
  readonly run?: string | undefined;
  /**
   * How weights are written: `float32`, 4 bytes a value; `float16`, half of that; `q8`, about a quarter. A loaded model
   * computes in float32 in any case. Default `float32`.
   */
  readonly dtype?: SavedDtype | undefined;
}

const saveSchema = fields({
  run: optional(text({ minLength: 1 })),
  dtype: optional(oneOf(savedDtypes)),
});

/**
 * Checks the options of a model's own `toSafetensors`.
 *
 * @returns What is given of them.
 * @throws a `ConfigError` for an unknown option, a `run` that is not text or another dtype.
 */
export function resolveSaveOptions(options: SaveOptions): SaveOptions {
  return resolveOptions(saveSchema, options);
}

/**
 * The model of a file that {@link saveModel} wrote.
 *
 * @param bytes - The whole file; borrowed.
 * @param build - Makes the model from the file's configuration, which is unchecked and of version `file.version` (0: a
 *   legacy file), and declares its parameters; it allocates nothing, and is stopped where it declares more than the file
 *   can hold. Only then the weights are read into it.
 * @throws a {@link CheckpointError} when the file is damaged, of another kind or newer, when `upgrade` or `build` throws, or when the
 *   weights are not those that the model declares.
 */
export function loadModel<Model extends Module>(
  bytes: Uint8Array,
  format: ModelFormat,
  build: (file: ModelFile) => Model,
  { limits }: LoadOptions = {},
): Model {
  const { upgrade = (older) => older } = format;
  const stored = readModelFile(bytes, { ...format, limits });
  let file: ModelFile = { ...stored, tensors: dequantizedWeights(stored.tensors) };
  let model: Model;
  try {
    file = upgrade(file);
    const upgraded = file;
    model = buildWithin(upgraded.tensors.size, () => build(upgraded));
  } catch (cause) {
    if (CheckpointError.isInstance(cause)) {
      throw cause;
    }
    throw new CheckpointError(`The file's configuration cannot be used: ${(cause as Error).message}`, { cause });
  }
  if (file.run !== undefined) {
    model.run = file.run;
  }
  return model.loadWeights(file.tensors, { limits });
}
