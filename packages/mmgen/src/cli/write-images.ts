import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { ConfigError, type ImageBatch, sliceImages } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { imagesPng } from "../folder/images-png.js";
import type { OutputFlags } from "./option-groups.js";

/** Images to be written. */
export interface WrittenImages {
  readonly images: ImageBatch;
  /** One an image; empty ones are left out. */
  readonly captions: readonly string[];
  /** Images in a row of one file. Default: as near a square as can be. */
  readonly columns?: number | undefined;
}

/**
 * Checks that images can be written there, before any is drawn.
 *
 * @throws a {@link ConfigError} for a file of another format, or a folder that is not empty.
 */
export async function checkOut({ out }: Pick<OutputFlags, "out">): Promise<void> {
  if (isFile(out)) {
    return;
  }
  if (!/^(\.\d+)?$/.test(extname(out))) {
    throw new ConfigError(`--out: expected a file that ends in .png, or a folder, got ${out}.`);
  }
  const files = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      return [];
    }
    throw error;
  });
  if (files.length > 0) {
    throw new ConfigError(`--out: ${out} holds files already, such as ${files[0]}. Choose another folder.`);
  }
}

/**
 * Writes images as one PNG file, side by side, or into a folder: `0000.png` … of exactly an image's pixels, and
 * `metadata.jsonl` with their captions, which `mmgen train` reads.
 *
 * @returns What was written, for a message.
 */
export async function writeImages({ out, scale }: OutputFlags, written: WrittenImages): Promise<string> {
  const { captions, columns, images } = written;
  if (isFile(out)) {
    await writeFileAtomic(out, imagesPng(images, { columns, scale }));
    return out;
  }
  const digits = Math.max(4, String(images.count - 1).length);
  const names = Array.from({ length: images.count }, (_, i) => `${String(i).padStart(digits, "0")}.png`);
  for (const [i, name] of names.entries()) {
    await writeFileAtomic(join(out, name), imagesPng(sliceImages(images, i, i + 1), { scale: scale ?? 1 }));
  }
  if (captions.some((caption) => caption !== "")) {
    const rows = names.map((name, i) => `${JSON.stringify({ file_name: name, text: captions[i] })}\n`);
    await writeFileAtomic(join(out, "metadata.jsonl"), rows.join(""));
  }
  return `${names.length} images to ${out}`;
}

function isFile(out: string): boolean {
  return extname(out).toLowerCase() === ".png";
}
