import { sliceImages } from "@mmgen/core";
import { readImageFile } from "../images/read-image-file.js";
import type { PathFile } from "../shell/dropped-files.js";
import { keptAside } from "./kept-aside.js";
import type { TrainingData } from "./training-plan.js";

/** Where the words of own images come from. */
export type WordSource = "file-names" | "folder-names" | "none";

/** Fewer teach nothing. */
export const minOwnImages = 10;
/** More do not fit into a page's memory. */
export const maxOwnImages = 20_000;

/** The caption that a file's name says: without its ending and a number at the end, in small letters. */
export function captionOfPath(path: string): string {
  const name = path
    .split("/")
    .at(-1)!
    .replace(/\.[^.]+$/u, "");
  const words = name.normalize("NFC").replaceAll(/[\s_\-.,;]+/gu, " ");
  return words
    .replace(/\s*\(?\d+\)?\s*$/u, "")
    .trim()
    .toLowerCase();
}

/** The folder that a file lies in. */
export function folderOfPath(path: string): string {
  return path.split("/").at(-2) ?? "";
}

/** Where the words most likely are: in the names of several folders, else of files that have words, else nowhere. */
export function guessWordSource(paths: readonly string[]): WordSource {
  if (new Set(paths.map(folderOfPath)).size > 1) {
    return "folder-names";
  }
  // Names as cameras give them are no captions.
  const said = paths
    .map(captionOfPath)
    .filter((caption) => /\p{L}{2}/u.test(caption) && !/^(img|dsc|image|photo|pxl|screenshot)\b/u.test(caption));
  return said.length === paths.length && paths.length > 0 ? "file-names" : "none";
}

/**
 * What is said of images.
 *
 * @throws an error with a sentence naming a file without words, or when there is one folder alone.
 */
export function wordsOfPaths(paths: readonly string[], source: WordSource): Pick<TrainingData, "captions" | "classes"> {
  if (source === "none") {
    return {};
  }
  if (source === "file-names") {
    const captions = paths.map(captionOfPath);
    const silent = captions.indexOf("");
    if (silent >= 0) {
      throw new Error(`The name of ${paths[silent]} has no words. Rename it, or train without words.`);
    }
    return { captions };
  }
  const folders = paths.map(folderOfPath);
  const names = [...new Set(folders)].sort();
  if (names.length < 2 || names.includes("")) {
    throw new Error(
      "Classes need at least two folders with images in them. Choose a folder that has such, or train without words.",
    );
  }
  return { classes: { labels: folders.map((folder) => names.indexOf(folder)), names } };
}

/**
 * Own images as data: every tenth, eight at most, is kept aside.
 *
 * @param options - `side`: height and width in pixels, of which the middle of each picture is cut.
 * @throws an error with a sentence: about a file that is no picture, or images too few or too many.
 */
export async function ownData(
  files: readonly PathFile[],
  options: {
    readonly side: number;
    readonly source: WordSource;
    readonly onProgress: (read: number, of: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<TrainingData> {
  const { onProgress, side, signal, source } = options;
  if (files.length < minOwnImages || files.length > maxOwnImages) {
    throw new Error(
      `Training needs ${minOwnImages} to ${maxOwnImages.toLocaleString("en")} images, and there are ${files.length}.`,
    );
  }
  const heldCount = Math.min(8, Math.floor(files.length / 10));
  const isHeld = (i: number) => i % 10 === 9 && Math.floor(i / 10) < heldCount;
  const ordered = [...files.filter((_, i) => !isHeld(i)), ...files.filter((_, i) => isHeld(i))];
  const size = side * side * 3;
  const data = new Uint8Array(ordered.length * size);
  for (const [i, { file }] of ordered.entries()) {
    signal.throwIfAborted();
    const rgba = await readImageFile(file, { height: side, width: side });
    for (let pixel = 0; pixel < side * side; pixel++) {
      data.set(overWhite(rgba, 4 * pixel), i * size + 3 * pixel);
    }
    onProgress(i + 1, ordered.length);
  }
  const count = ordered.length - heldCount;
  const images = { data, count: ordered.length, height: side, width: side, channels: 3, maxValue: 255 };
  const paths = ordered.slice(0, count).map(({ path }) => path);
  return {
    images: sliceImages(images, 0, count),
    ...wordsOfPaths(paths, source),
    held: keptAside(images, count),
  };
}

/** A pixel's three channels, what is transparent white. */
function overWhite(rgba: Uint8ClampedArray, at: number): readonly number[] {
  const alpha = rgba[at + 3]! / 255;
  return [0, 1, 2].map((channel) => Math.round(rgba[at + channel]! * alpha + 255 * (1 - alpha)));
}
