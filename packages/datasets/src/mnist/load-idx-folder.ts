import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError, type Limits, resolveLimits } from "@mmgen/core";
import { type FileSignature, gunzip, gunzipStart, isGzip, readFileBytes } from "@mmgen/core/node";
import type { LabeledImages } from "../captions/labeled-images.js";
import { idxHeaderLength, joinIdx, parseIdx, parseIdxHeader } from "./idx.js";

/** A training set and a test set of labeled images. */
export interface LabeledSplits {
  readonly train: LabeledImages;
  readonly test: LabeledImages;
}

/** The four files of MNIST and of its drop-in relatives, by their usual names. */
export const idxFileNames = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

/**
 * Loads the four IDX files of MNIST or a drop-in relative (Fashion-MNIST, KMNIST) from one folder.
 *
 * Each may be plain or gzip (`.gz`), and may have a dot for the last hyphen but one
 * (`train-images.idx3-ubyte`), as some archives do.
 *
 * A file's header is compared with its size before it is read or decompressed.
 *
 * @param limits - `fileBytes` and `inflatedBytes` are taken.
 * @throws a {@link DataError} when a file is missing or damaged, or images and labels differ in number.
 */
export async function loadIdxFolder(folder: string, limits: Partial<Limits> = {}): Promise<LabeledSplits> {
  const checked = resolveLimits(limits);
  const found = await findIdxFiles(folder);
  const contents = new Map<string, Uint8Array>();
  await Promise.all(
    Array.from(found, async ([name, path]) => {
      contents.set(name, inflateIdx(await readIdxFile(path, checked), path, checked));
    }),
  );
  return joinIdxFiles(folder, contents, (name) => found.get(name)!);
}

/**
 * Makes data sets of the four files' contents.
 *
 * @param contents - Decompressed, by usual name.
 * @param nameOf - What messages call a file.
 */
export function joinIdxFiles(
  folder: string,
  contents: ReadonlyMap<string, Uint8Array>,
  nameOf: (name: string) => string,
): LabeledSplits {
  const missing = Object.values(idxFileNames).filter((name) => !contents.has(name));
  if (missing.length > 0) {
    throw new DataError(`${folder}: missing ${missing.join(", ")} (plain or .gz). Add them, or name another folder.`);
  }
  const parse = (name: string) => parseIdx(contents.get(name)!, nameOf(name));
  const { trainImages, trainLabels, testImages, testLabels } = idxFileNames;
  return {
    train: joinIdx(parse(trainImages), parse(trainLabels), `${folder} (train)`),
    test: joinIdx(parse(testImages), parse(testLabels), `${folder} (t10k)`),
  };
}

/** Paths of the IDX files in a folder, by usual name; empty where there is no such folder. */
export async function findIdxFiles(folder: string): Promise<Map<string, string>> {
  const entries = new Set(await readdir(folder).catch(() => [] as string[]));
  const found = new Map<string, string>();
  for (const name of Object.values(idxFileNames)) {
    const dotted = name.replace("-idx", ".idx");
    const entry = [`${name}.gz`, name, `${dotted}.gz`, dotted].find((candidate) => entries.has(candidate));
    if (entry !== undefined) {
      found.set(name, join(folder, entry));
    }
  }
  return found;
}

/** Reads a file that begins as gzip, or as an IDX file of its size. */
export function readIdxFile(path: string, { fileBytes }: Pick<Limits, "fileBytes">): Promise<Uint8Array> {
  const signature: FileSignature = (head, size) => {
    if (!isGzip(head)) {
      parseIdxHeader(head, size, path);
    }
    return undefined;
  };
  return readFileBytes(path, "IDX file", { maxBytes: fileBytes, signature });
}

/** The content of an IDX file that may be compressed; decompresses exactly as much as its header says. */
export function inflateIdx(bytes: Uint8Array, name: string, limits: Pick<Limits, "inflatedBytes">): Uint8Array {
  if (!isGzip(bytes)) {
    return bytes;
  }
  const { shape, fileLength } = parseIdxHeader(gunzipStart(bytes, name, idxHeaderLength), undefined, name);
  if (fileLength > limits.inflatedBytes) {
    throw new DataError(
      `${name}: expected at most ${limits.inflatedBytes} bytes of content (limits.inflatedBytes), the header claims ${shape.join(" × ")}.`,
    );
  }
  return gunzip(bytes, name, { maxBytes: fileLength });
}
