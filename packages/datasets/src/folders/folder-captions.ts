import { join, posix } from "node:path";
import { DataError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { parseCaptionTable } from "./caption-table.js";
import type { FolderListing } from "./list-image-folder.js";

/** The names of {@link CaptionSource}. */
export const captionSources = ["table", "text-files", "folder-names", "none"] as const;

/** Where a folder's captions are: see `loadImageFolder`. */
export type CaptionSource = (typeof captionSources)[number];

/** Names of a table of captions, which lies in the folder itself. */
const tableNames = ["metadata.jsonl", "captions.jsonl", "metadata.csv", "captions.csv"];

/**
 * Finds out where the captions are: in a table, else in text files beside images, else in the names of folders.
 *
 * @throws a {@link DataError} when they are in none of these places.
 */
export function findCaptionSource(folder: string, { images, others }: FolderListing): CaptionSource {
  const files = new Set(others);
  if (tableNames.some((name) => files.has(name))) {
    return "table";
  }
  if (images.some((image) => files.has(textFileOf(image)))) {
    return "text-files";
  }
  if (images.every((image) => image.includes("/"))) {
    return "folder-names";
  }
  throw new DataError(
    `${folder}: found no captions. Add captions.jsonl or captions.csv (columns file_name and text), or a text file ` +
      "beside each image (cat.txt for cat.png), or sort the images into folders named as their captions; to load " +
      'images alone, set captions: "none".',
  );
}

/**
 * Reads the caption of each image, in the order of the listing; spaces and line breaks become single spaces.
 *
 * @throws a {@link DataError} naming the image that has none or two, or the row whose image is missing.
 */
export async function readCaptions(folder: string, listing: FolderListing, source: CaptionSource): Promise<string[]> {
  const { images } = listing;
  switch (source) {
    case "none":
      return images.map(() => "");
    case "folder-names":
      return images.map((image) => normalizeCaption(captionOfFolder(folder, image), join(folder, image)));
    case "text-files":
      return readTextFiles(folder, listing);
    case "table":
      return readTable(folder, listing);
  }
}

function captionOfFolder(folder: string, image: string): string {
  if (!image.includes("/")) {
    throw new DataError(`${join(folder, image)}: expected the image in a folder named as its caption.`);
  }
  return posix.basename(posix.dirname(image)).replaceAll("_", " ");
}

async function readTextFiles(folder: string, { images, others }: FolderListing): Promise<string[]> {
  const files = new Set(others);
  const missing = images.filter((image) => !files.has(textFileOf(image)));
  if (missing.length > 0) {
    throw new DataError(
      `${folder}: ${listed(missing)} without a caption; expected a text file beside each image, such as ${textFileOf(missing[0]!)}.`,
    );
  }
  const captions: string[] = [];
  const taken = new Set<string>();
  for (const image of images) {
    const file = textFileOf(image);
    if (taken.has(file)) {
      throw new DataError(`${folder}: ${file} lies beside two images. Give them different names.`);
    }
    taken.add(file);
    const path = join(folder, file);
    captions.push(normalizeCaption(await readText(path), path));
  }
  return captions;
}

async function readTable(folder: string, { images, others }: FolderListing): Promise<string[]> {
  const tables = tableNames.filter((name) => others.includes(name));
  if (tables.length !== 1) {
    throw new DataError(`${folder}: expected one of ${tableNames.join(", ")}, got ${tables.join(" and ") || "none"}.`);
  }
  const path = join(folder, tables[0]!);
  const known = new Set(images.map(keyOf));
  const captions = new Map<string, { caption: string; line: number }>();
  for (const { file, caption, line } of parseCaptionTable(await readText(path), path)) {
    const key = keyOf(file);
    if (!known.has(key)) {
      const reason = others.some((other) => keyOf(other) === key)
        ? "it is no PNG, JPEG or WebP"
        : "there is no such file";
      throw new DataError(`${path}, line ${line}: no image ${file} in ${folder}; ${reason}.`);
    }
    const before = captions.get(key);
    if (before !== undefined) {
      throw new DataError(`${path}, line ${line}: ${file} has a caption already, in line ${before.line}.`);
    }
    captions.set(key, { caption: normalizeCaption(caption, `${path}, line ${line}`), line });
  }
  const missing = images.filter((image) => !captions.has(keyOf(image)));
  if (missing.length > 0) {
    throw new DataError(`${path}: ${listed(missing)} without a caption. Add rows, or move the images elsewhere.`);
  }
  return images.map((image) => captions.get(keyOf(image))!.caption);
}

async function readText(path: string): Promise<string> {
  const bytes = await readFileBytes(path, "captions");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DataError(`${path}: expected text in UTF-8, got other bytes. Save it as UTF-8.`, { cause: error });
  }
}

function normalizeCaption(caption: string, where: string): string {
  const normalized = caption.trim().replaceAll(/\s+/g, " ");
  if (normalized === "") {
    throw new DataError(`${where}: the caption is empty.`);
  }
  return normalized;
}

/** "a/b.png" → "a/b.txt". */
function textFileOf(image: string): string {
  return image.replace(/\.[^.]+$/, ".txt");
}

/** One spelling of a path: "./a\\é.png" and "a/é.png" are one file, whichever way the é is encoded. */
function keyOf(path: string): string {
  return posix.normalize(path.replaceAll("\\", "/")).normalize("NFC");
}

/** "3 images (a.png, b.png, …)". */
function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(", ");
  return `${paths.length} ${paths.length === 1 ? "image" : "images"} (${shown}${paths.length > 3 ? ", …" : ""})`;
}
