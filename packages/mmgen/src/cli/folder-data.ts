import { DataError } from "@mmgen/core";
import {
  type CaptionSource,
  type FolderImages,
  type LoadImageFolderOptions,
  loadImageFolder,
  usualImageSide,
} from "@mmgen/datasets/node";
import type { ImageSet } from "../model/image-text.js";

/** How a folder is read. Plain JSON. */
export type FolderDataOptions = Pick<
  LoadImageFolderOptions,
  "channels" | "maxValue" | "fit" | "captions" | "seed" | "testShare"
> & {
  /** As of `loadImageFolder`. Default: the folder's usual one, at most 64 pixels. */
  readonly side?: LoadImageFolderOptions["side"];
  /** Whether captions are the names of classes. Default: where the folders in the folder are their names. */
  readonly classes?: boolean | undefined;
};

/** What images are brought to at most where nobody asks for more: larger ones train for hours. */
const largestSide = 64;

/** A size for a folder's images: their usual one, up to 64 pixels and in steps that image codecs halve to whole codes. */
export async function sideOfFolder(folder: string): Promise<number> {
  const side = Math.min(await usualImageSide(folder), largestSide);
  const step = side >= 48 ? 8 : 4;
  return Math.max(step, side - (side % step));
}

/** A folder's images with what is said of them. */
export interface FolderData {
  readonly train: ImageSet;
  /** Absent where none are held out. */
  readonly heldOut?: ImageSet;
  /** What was read, in one line. */
  readonly source: string;
}

/**
 * Reads a folder of images with captions, as `loadImageFolder` does, as sets that a model trains on.
 *
 * @throws what `loadImageFolder` throws; a {@link DataError} where no image is left to train on.
 */
export async function loadFolderData(
  folder: string,
  { classes, side, ...options }: FolderDataOptions,
  { onMessage, signal }: Pick<LoadImageFolderOptions, "onMessage" | "signal">,
): Promise<FolderData> {
  const { captionSource, source, test, train } = await loadImageFolder({
    ...{ folder, side: side ?? (await sideOfFolder(folder)), ...options, onMessage, signal },
  });
  if (train.images.count === 0) {
    throw new DataError(`${folder}: all its images are held out. Hold out a smaller share.`);
  }
  const names = [...new Set([...train.captions, ...test.captions])].sort();
  const areClasses = classes ?? captionSource === "folder-names";
  const set = (part: FolderImages) => imageSet(part, captionSource, areClasses ? names : undefined);
  return { train: set(train), ...(test.images.count > 0 && { heldOut: set(test) }), source };
}

function imageSet({ captions, images }: FolderImages, source: CaptionSource, names?: readonly string[]): ImageSet {
  if (source === "none") {
    return { images };
  }
  return names === undefined
    ? { images, captions }
    : { images, classes: { labels: captions.map((caption) => names.indexOf(caption)), names } };
}
