import { CheckpointError, describeValue, type Limits, parseJson, quote, sha256Hex } from "@mmgen/core";
import { version } from "../../package.json";
import { modelFiles, type ReadModelFile } from "../model/model-parts.js";

/** Name of the file that lists a model's other files, with their checksums. */
export const manifestFile = "model-manifest.json";

/** A file as a manifest lists it. */
export interface ListedFile {
  readonly bytes: number;
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

/** What a manifest says: the files by name. */
export type Manifest = ReadonlyMap<string, ListedFile>;

const format = "mmgen-manifest";

/** Bytes of a manifest, and files in it, at most: it lists the few files of one model. */
export const maxManifestBytes = 1e6;
const maxFiles = 1000;

/** The manifest of these files, to be written after them. The same files give the same bytes, in whatever order they come. */
export async function manifestOf(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const listed: Record<string, ListedFile> = {};
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    listed[name] = { bytes: bytes.length, sha256: await sha256Hex(bytes) };
  }
  return new TextEncoder().encode(
    `${JSON.stringify({ format, version: 1, mmgen: version, files: listed }, null, 2)}\n`,
  );
}

/** As {@link manifestOf}, of the model's files that are where `read` reads. */
export async function manifestOfStored(read: ReadModelFile): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const name of Object.values(modelFiles)) {
    const bytes = await read(name);
    if (bytes !== undefined) {
      files.set(name, bytes);
    }
  }
  return manifestOf(files);
}

/**
 * Reads a manifest that anybody may have written: its names lead nowhere else, its sizes are within the limits.
 *
 * @throws a {@link CheckpointError} that says what is wrong with it.
 */
export function readManifest(bytes: Uint8Array, limits: Limits): Manifest {
  const fail = (what: string): never => {
    throw new CheckpointError(`${manifestFile}: ${what}`);
  };
  const { value, problem } = parseJson(new TextDecoder().decode(bytes), { maxDepth: 4, maxValues: 10 * maxFiles });
  if (problem !== undefined) {
    return fail(`${problem}; it is damaged, or another file.`);
  }
  const { format: found, version: foundVersion, files } = (value ?? {}) as Record<string, unknown>;
  if (found !== format) {
    return fail(`expected format "${format}", got ${describeValue(found)}: it is another program's file.`);
  }
  if (foundVersion !== 1) {
    return fail(`expected version 1, got ${describeValue(foundVersion)}. A newer mmgen may read it: update mmgen.`);
  }
  if (typeof files !== "object" || files === null || Array.isArray(files)) {
    return fail(`files: expected an object, got ${describeValue(files)}.`);
  }
  const entries = Object.entries(files);
  if (entries.length > maxFiles) {
    return fail(`files: expected at most ${maxFiles}, got ${entries.length}.`);
  }
  return new Map(entries.map(([name, file]) => [name, listedFile(name, file, limits)]));
}

function listedFile(name: string, file: unknown, limits: Limits): ListedFile {
  if (!/^[\p{L}\p{N}_-][\p{L}\p{N}._ -]{0,199}$/u.test(name)) {
    throw new CheckpointError(
      `${manifestFile}: expected names of files beside it, got ${quote(name)}. Do not load this model.`,
    );
  }
  const { bytes, sha256 } = (file ?? {}) as Record<string, unknown>;
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
    throw new CheckpointError(`${manifestFile}: ${name}: bytes: expected a whole number, got ${describeValue(bytes)}.`);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new CheckpointError(
      `${manifestFile}: ${name}: sha256: expected 64 hexadecimal digits, got ${describeValue(sha256)}.`,
    );
  }
  const limit = name.endsWith(".json") ? "textBytes" : "fileBytes";
  if ((bytes as number) > limits[limit]) {
    throw new CheckpointError(
      `${name}: expected at most ${limits[limit]} bytes, got ${bytes}. The limit is limits.${limit}.`,
    );
  }
  return { bytes: bytes as number, sha256 };
}

/** What a file has other than its manifest says, as a phrase; undefined where it is right. */
export async function differenceFrom(listed: ListedFile, bytes: Uint8Array): Promise<string | undefined> {
  if (bytes.length !== listed.bytes) {
    return `expected ${listed.bytes} bytes, as ${manifestFile} says, got ${bytes.length}`;
  }
  const sum = await sha256Hex(bytes);
  return sum === listed.sha256
    ? undefined
    : `expected the SHA-256 ${listed.sha256}, as ${manifestFile} says, got ${sum}`;
}

/**
 * Reads files that a manifest beside them lists, and checks each. Where there is no manifest, they are read unchecked.
 *
 * @returns A reader that throws a {@link CheckpointError} naming the file that is not as the manifest says.
 */
export function checkedReader(read: ReadModelFile, limits: Limits): ReadModelFile {
  let manifest: Promise<Manifest | undefined> | undefined;
  const readOnce = async () => {
    const bytes = await read(manifestFile);
    return bytes && readManifest(bytes, limits);
  };
  return async (name) => {
    manifest ??= readOnce();
    const listed = await manifest;
    const bytes = await read(name);
    if (listed === undefined) {
      return bytes;
    }
    const file = listed.get(name);
    if (file === undefined) {
      if (bytes !== undefined) {
        throw new CheckpointError(`${name}: ${manifestFile} does not list it. ${remedy}`);
      }
      return undefined;
    }
    const difference = bytes === undefined ? "there is no such file" : await differenceFrom(file, bytes);
    if (difference !== undefined) {
      throw new CheckpointError(`${name}: ${difference}: it is damaged, changed, or of another run. ${remedy}`);
    }
    return bytes;
  };
}

const remedy = `Copy or save the whole model again; after a change on purpose remove ${manifestFile}.`;
