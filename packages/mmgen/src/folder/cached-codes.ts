import { join } from "node:path";
import { type CodeBatch, checkImageBatch, type ImageBatch } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { fields, resolveOptions, text, value } from "@mmgen/core/options";
import type { VqVae } from "@mmgen/vqvae";
import { storedCodes } from "../stages/stored-codes.js";
import { folderReader } from "./folder-store.js";

/** Options of {@link cachedCodes}. */
export interface CachedCodesOptions {
  /** Borrowed. */
  readonly vqvae: VqVae;
  /** Of the codec's shape and range; borrowed. */
  readonly images: ImageBatch;
  /** Folder of the files of codes, one for each codec and set of images; made where it is missing. */
  readonly cacheDir: string;
}

/**
 * The codes of images, encoded once: kept in a file under the checksums of the codec's weights and of the images.
 *
 * A file is taken only where codec, images and codes have the checksums that it names. One that is damaged, or of others,
 * is replaced.
 *
 * @returns As `vqvae.encode(images)`; yours.
 * @throws a `ShapeError` when the images are not of the codec's shape and range; a `DataError` when the file cannot be
 *   written.
 */
export async function cachedCodes(options: CachedCodesOptions): Promise<CodeBatch> {
  const { cacheDir, images, vqvae } = resolveOptions(cachedCodesSchema, options, { path: "cachedCodes" });
  checkImageBatch(images);
  const write = (name: string, bytes: Uint8Array) => writeFileAtomic(join(cacheDir, name), bytes);
  const name = (key: string) => `codes-${key.slice(0, 32)}.safetensors`;
  return storedCodes({ vqvae, images, store: { read: folderReader(cacheDir), write }, name });
}

const cachedCodesSchema = fields({
  vqvae: value<VqVae>("a VqVae", (vqvae) => typeof (vqvae as Partial<VqVae> | null)?.storeWeights === "function"),
  images: value<ImageBatch>("a batch of images", (images) => typeof images === "object" && images !== null),
  cacheDir: text({ minLength: 1 }),
});
