import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { type BoundedFile, readFileBytes, withBoundedFile } from "@mmgen/core/node";
import { type ImageHeader, readImageHeader } from "../images/image-header.js";
import { listImageFolder } from "./list-image-folder.js";

/** Images that are looked at, spread evenly over the folder. */
const looked = 200;

/**
 * The length in pixels that the shorter sides of a folder's images most often have, the longer one of two that are as
 * frequent: what to choose a size by before `loadImageFolder`. At most 200 images are looked at, by their headers.
 *
 * @param folder - Read with the folders in it.
 * @throws a {@link DataError} where the folder does not exist, or no image in it can be read.
 */
export async function usualImageSide(folder: string): Promise<number> {
  const { images } = await listImageFolder(folder);
  const step = Math.max(1, images.length / looked);
  const counts = new Map<number, number>();
  for (let i = 0; i < images.length; i += step) {
    const side = await shorterSide(join(folder, images[Math.floor(i)]!));
    if (side !== undefined) {
      counts.set(side, (counts.get(side) ?? 0) + 1);
    }
  }
  const [first] = [...counts].sort(([a, times], [b, others]) => others - times || b - a);
  if (first === undefined) {
    throw new DataError(`${folder}: expected a PNG, JPEG or WebP image, found none that can be read.`);
  }
  return first[0];
}

/** Undefined for an image that cannot be read, which is refused by name when the folder is loaded. */
async function shorterSide(path: string): Promise<number | undefined> {
  try {
    const { height, width } = await headerOf(path);
    return Math.min(height, width);
  } catch (error) {
    if (DataError.isInstance(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Enough for nearly all: before a JPEG's size there may be thumbnails and color profiles. */
const headBytes = 2 ** 16;

/** Reads the beginning of a file, and all of a JPEG with more before its size. */
async function headerOf(path: string): Promise<ImageHeader> {
  const use = async ({ handle, size }: BoundedFile) => {
    const bytes = new Uint8Array(Math.min(size, headBytes));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return { head: bytes.subarray(0, bytesRead), size };
  };
  const { head, size } = await withBoundedFile(path, "image", { use });
  try {
    return readImageHeader(head);
  } catch (error) {
    const isLongJpeg = head.length < size && head[0] === 0xff && head[1] === 0xd8;
    if (!isLongJpeg) {
      throw error;
    }
    return readImageHeader(await readFileBytes(path, "image"));
  }
}
