import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import type { LabeledImages } from "../captions/labeled-images.js";
import { gunzip } from "../download/gunzip.js";
import { joinIdx, parseIdx } from "./idx.js";

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

/** Largest decompressed file, in bytes: several times MNIST's, small enough for memory. */
const maxFileSize = 1 << 29;

/**
 * Loads the four IDX files of MNIST or a drop-in relative (Fashion-MNIST, KMNIST) from one folder.
 *
 * Each may be plain or gzip (`.gz`), and may have a dot for the last hyphen but one
 * (`train-images.idx3-ubyte`), as some archives do.
 *
 * @throws a {@link DataError} when a file is missing or damaged, or images and labels differ in number.
 */
export async function loadIdxFolder(folder: string): Promise<LabeledSplits> {
  const found = await findIdxFiles(folder);
  const missing = Object.values(idxFileNames).filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new DataError(`${folder}: missing ${missing.join(", ")} (plain or .gz). Add them, or name another folder.`);
  }
  const read = async (name: string) => parseIdx(await readPlainOrGzip(found.get(name)!), found.get(name)!);
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(Object.values(idxFileNames).map(read));
  return {
    train: joinIdx(trainImages!, trainLabels!, `${folder} (train)`),
    test: joinIdx(testImages!, testLabels!, `${folder} (t10k)`),
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

async function readPlainOrGzip(path: string): Promise<Uint8Array> {
  const bytes = await readFileBytes(path, "IDX file");
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, path, maxFileSize) : bytes;
}
