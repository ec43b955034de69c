import { describeValue } from "../errors/describe-value.js";
import { CheckpointError } from "../errors/errors.js";
import type { Limits } from "./limits.js";
import { parseJson } from "./parse-json.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import type { StoredTensor } from "./stored-formats.js";

/** A model as its file holds it. */
export interface ModelFile {
  /** Which class of model it is, such as `mmgen.vqvae`. */
  readonly kind: string;
  /** Version of the kind's format, counted from 1; 0 of a file with a legacy header. */
  readonly version: number;
  /** Id of the training run that wrote the file; files of one run belong together. */
  readonly run?: string;
  /** The model's configuration, plain JSON. When read it is unchecked: resolve it against the model's own schema. */
  readonly config: unknown;
  /** Weights by name, as the file lays them out. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** How files were marked before they had a `kind`: a metadata field and its value, with version 0. */
export interface LegacyHeader {
  readonly field: "model" | "format";
  readonly value: string;
}

/** Options of {@link readModelFile}. */
export interface ReadModelFileOptions {
  /** The kind that is wanted. */
  readonly kind: string;
  /** The newest version that the caller can read. */
  readonly version: number;
  /** The mark of older files that are taken too. Default: none. */
  readonly legacy?: LegacyHeader;
  /** What the file may take; `defaultLimits` for what is absent. */
  readonly limits?: Partial<Limits> | undefined;
}

/** A configuration has few fields; what is larger is none. */
const maxConfigValues = 20_000;
const maxConfigLength = 1_000_000;

/**
 * Writes a model as one safetensors file that any safetensors library opens.
 *
 * The metadata is `{ format: "pt", kind, version, run, config }`, `run` only where there is one; the configuration is
 * JSON. The same model gives the same bytes.
 *
 * @param file - Borrowed; the arrays are copied.
 * @throws a {@link CheckpointError} when an array's length or kind is not what its shape and dtype ask for.
 */
export function writeModelFile({ kind, version, run, config, tensors }: ModelFile): Uint8Array {
  const metadata = {
    format: "pt",
    kind,
    version: String(version),
    ...(run !== undefined && { run }),
    config: JSON.stringify(config),
  };
  return writeSafetensors({ tensors, metadata });
}

/**
 * Reads a file of {@link writeModelFile}, and checks that it is of the wanted kind and of a version that is known.
 *
 * @param bytes - The whole file; borrowed, the arrays are copied out.
 * @throws a {@link CheckpointError} when the file is damaged, beyond a limit, of another kind, newer than the
 * reader, or its configuration is not JSON.
 */
export function readModelFile(bytes: Uint8Array, { kind, version, legacy, limits }: ReadModelFileOptions): ModelFile {
  const { tensors, metadata } = readSafetensors(bytes, { limits });
  const isLegacy = metadata.kind === undefined && legacy !== undefined && metadata[legacy.field] === legacy.value;
  if (metadata.kind !== kind && !isLegacy) {
    const found = metadata.kind ?? metadata.model;
    throw new CheckpointError(
      `Expected a file of kind "${kind}", got ${found === undefined ? "one without a kind" : describeValue(found)}. ` +
        "Was another model's file given?",
    );
  }
  return {
    kind,
    version: isLegacy ? 0 : readVersion(metadata.version, kind, version),
    ...(metadata.run !== undefined && { run: metadata.run }),
    config: readConfig(metadata.config),
    tensors,
  };
}

function readVersion(written: string | undefined, kind: string, newest: number): number {
  const version = /^[1-9]\d{0,8}$/.test(written ?? "") ? Number(written) : undefined;
  if (version === undefined) {
    throw new CheckpointError(
      `The file of kind "${kind}" has a damaged version: expected a whole number, got ${describeValue(written)}.`,
    );
  }
  if (version > newest) {
    throw new CheckpointError(
      `The file of kind "${kind}" has version ${version}, and this package reads up to ${newest}. Update the package.`,
    );
  }
  return version;
}

function readConfig(written: string | undefined): unknown {
  if (written === undefined || written.length > maxConfigLength) {
    const found = written === undefined ? "none" : `${written.length} characters`;
    throw new CheckpointError(
      `The file's configuration: expected JSON of at most ${maxConfigLength} characters, got ${found}.`,
    );
  }
  const { value, problem } = parseJson(written, { maxValues: maxConfigValues });
  if (problem !== undefined) {
    throw new CheckpointError(`The file's configuration ${problem}: ${describeValue(written)}.`);
  }
  return value;
}
