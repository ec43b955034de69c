import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { DataError } from "@mmgen/core";

/** The files of a folder of images; all paths relative to it, with "/" between the parts. */
export interface FolderListing {
  /** PNG, JPEG and WebP by their names' endings, ordered by character codes, the same on every system. */
  readonly images: readonly string[];
  /** Every other file. */
  readonly others: readonly string[];
}

const imageEnding = /\.(png|jpe?g|webp)$/i;

/**
 * Lists a folder and all folders in it, without hidden files (a name that begins with a dot).
 *
 * @throws a {@link DataError} when the folder does not exist or has no image in it.
 */
export async function listImageFolder(folder: string): Promise<FolderListing> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    throw new DataError(`Cannot list the folder of images ${folder}: ${(error as Error).message}`, { cause: error });
  }
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.split("/").some((part) => part.startsWith(".")))
    .sort((a, b) => (a < b ? -1 : 1));
  const images = files.filter((path) => imageEnding.test(path));
  if (images.length === 0) {
    throw new DataError(
      `${folder}: expected images (.png, .jpg, .jpeg, .webp) in it or its folders, found none among ${files.length} files.`,
    );
  }
  return { images, others: files.filter((path) => !imageEnding.test(path)) };
}
