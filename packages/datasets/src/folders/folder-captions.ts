import { join, posix } from "node:path";
import { type AttributeTable, DataError, type Limits, quote } from "@mmgen/core";
import { readFileText } from "@mmgen/core/node";
import { celebaCaptions } from "../captions/celeba-captions.js";
import { parseCaptionTable } from "./caption-table.js";
import { findCelebaTable, readCelebaTable } from "./celeba-table.js";
import type { FolderListing } from "./list-image-folder.js";

/** The names of {@link CaptionSource}. */
export const captionSources = ["table", "text-files", "celeba-attributes", "folder-names", "none"] as const;

/** Where a folder's captions are: see `loadImageFolder`. */
export type CaptionSource = (typeof captionSources)[number];

/** Names of a table of captions, which lies in the folder itself. */
const tableNames = ["metadata.jsonl", "captions.jsonl", "metadata.csv", "captions.csv"];

/**
 * Finds out where the captions are: in a table, else in text files beside images, else in CelebA's table of attributes,
 * else in the names of folders.
 *
 * @throws a {@link DataError} when they are in none of these places.
 */
export async function findCaptionSource(folder: string, { images, others }: FolderListing): Promise<CaptionSource> {
  const files = new Set(others);
  if (tableNames.some((name) => files.has(name))) {
    return "table";
  }
  if (images.some(textFileFinder(others))) {
    return "text-files";
  }
  if ((await findCelebaTable(folder, { others })) !== undefined) {
    return "celeba-attributes";
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

/** Captions of images, and what else their source tells of them. */
export interface FolderCaptions {
  readonly captions: readonly string[];
  /** Only of the source `celeba-attributes`. */
  readonly attributes?: AttributeTable;
}

/**
 * Reads the caption of each image, in the order of the listing, in one spelling: see `normalizeCaption`.
 *
 * @throws a {@link DataError} naming the image that has none or two, or the row whose image is missing.
 */
export async function readCaptions(
  folder: string,
  listing: FolderListing,
  { source, limits }: { readonly source: CaptionSource; readonly limits: Pick<Limits, "textBytes"> },
): Promise<FolderCaptions> {
  const { images } = listing;
  switch (source) {
    case "none":
      return { captions: images.map(() => "") };
    case "folder-names":
      return { captions: images.map((image) => normalizeCaption(captionOfFolder(folder, image), join(folder, image))) };
    case "text-files":
      return { captions: await readTextFiles(folder, listing) };
    case "table":
      return { captions: await readTable(folder, listing, limits.textBytes) };
    case "celeba-attributes":
      return readCelebaAttributes(folder, listing, limits);
  }
}

async function readCelebaAttributes(
  folder: string,
  listing: FolderListing,
  limits: Pick<Limits, "textBytes">,
): Promise<FolderCaptions> {
  const path = await findCelebaTable(folder, listing);
  if (path === undefined) {
    throw new DataError(
      `${folder}: expected CelebA's list_attr_celeba.txt or list_attr_celeba.csv in it, or beside it where it is called ` +
        "img_align_celeba, found none.",
    );
  }
  const attributes = await readCelebaTable(path, listing.images, limits);
  return { captions: celebaCaptions(attributes), attributes };
}

function captionOfFolder(folder: string, image: string): string {
  if (!image.includes("/")) {
    throw new DataError(`${join(folder, image)}: expected the image in a folder named as its caption.`);
  }
  return posix.basename(posix.dirname(image)).replaceAll("_", " ");
}

async function readTextFiles(folder: string, { images, others }: FolderListing): Promise<string[]> {
  const find = textFileFinder(others);
  const missing = images.filter((image) => find(image) === undefined);
  if (missing.length > 0) {
    throw new DataError(
      `${folder}: ${listed(missing)} without a caption; expected a text file beside each image, such as ${textFileOf(missing[0]!)}.`,
    );
  }
  const captions: string[] = [];
  const taken = new Set<string>();
  for (const image of images) {
    const file = find(image)!;
    if (taken.has(file)) {
      throw new DataError(`${folder}: ${file} lies beside two images. Give them different names.`);
    }
    taken.add(file);
    const path = join(folder, file);
    captions.push(normalizeCaption(await readFileText(path, "caption", { maxBytes: 4 * maxCaption }), path));
  }
  return captions;
}

/** Finds an image's text file: the one of exactly its name, else one whose accents are encoded otherwise. */
function textFileFinder(others: readonly string[]): (image: string) => string | undefined {
  const exact = new Set(others);
  const similar = new Map(others.map((other) => [keyOf(other), other]));
  return (image) => (exact.has(textFileOf(image)) ? textFileOf(image) : similar.get(keyOf(textFileOf(image))));
}

async function readTable(folder: string, { images, others }: FolderListing, maxBytes: number): Promise<string[]> {
  const tables = tableNames.filter((name) => others.includes(name));
  if (tables.length !== 1) {
    throw new DataError(`${folder}: expected one of ${tableNames.join(", ")}, got ${tables.join(" and ") || "none"}.`);
  }
  const path = join(folder, tables[0]!);
  const find = imageFinder(folder, { images, others });
  const captions = new Map<string, { caption: string; line: number }>();
  const text = await readFileText(path, "captions", { maxBytes });
  for (const { file, caption, line } of parseCaptionTable(text, path)) {
    const where = `${path}, line ${line}`;
    const image = find(file, where);
    const before = captions.get(image);
    if (before !== undefined) {
      throw new DataError(`${where}: ${quote(file)} has a caption already, in line ${before.line}.`);
    }
    captions.set(image, { caption: normalizeCaption(caption, where), line });
  }
  const missing = images.filter((image) => !captions.has(image));
  if (missing.length > 0) {
    throw new DataError(`${path}: ${listed(missing)} without a caption. Add rows, or move the images elsewhere.`);
  }
  return images.map((image) => captions.get(image)!.caption);
}

/** Finds the image that a table means: the one of exactly that path, else the only one that is the same otherwise. */
function imageFinder(folder: string, { images, others }: FolderListing): (file: string, where: string) => string {
  const exact = new Set(images);
  const similar = new Map<string, string[]>();
  for (const image of images) {
    const key = keyOf(image);
    similar.set(key, [...(similar.get(key) ?? []), image]);
  }
  return (file, where) => {
    const found = exact.has(file) ? [file] : (similar.get(keyOf(file)) ?? []);
    if (found.length > 1) {
      throw new DataError(
        `${where}: ${quote(file)} is the name of ${found.length} images, whose accents are encoded differently. Rename all but one.`,
      );
    }
    if (found.length === 0) {
      throw new DataError(`${where}: no image ${quote(file)} in ${folder}; ${reasonOf(keyOf(file), others)}.`);
    }
    return found[0]!;
  };
}

function reasonOf(key: string, others: readonly string[]): string {
  if (key.startsWith("../") || key.startsWith("/") || /^[a-z]:\//i.test(key)) {
    return "the name leads out of the folder";
  }
  return others.some((other) => keyOf(other) === key) ? "it is no PNG, JPEG or WebP" : "there is no such file";
}

/** Characters; longer texts are no captions. */
const maxCaption = 2 ** 16;

/** One spelling of a caption: composed characters (NFC), single spaces in place of white space and control characters. */
function normalizeCaption(caption: string, where: string): string {
  if (caption.length > maxCaption) {
    throw new DataError(
      `${where}: expected a caption of at most ${maxCaption} characters, got ${caption.length}: ${quote(caption)}.`,
    );
  }
  const normalized = caption
    .normalize("NFC")
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
  if (normalized === "") {
    throw new DataError(`${where}: the caption is empty.`);
  }
  if (/\p{Surrogate}/u.test(normalized)) {
    throw new DataError(
      `${where}: the caption has half of a pair of characters (a lone surrogate): ${quote(caption)}.`,
    );
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
