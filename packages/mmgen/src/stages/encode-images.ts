import { AbortedError, type CodeBatch, type ImageBatch, sliceImages } from "@mmgen/core";
import type { VqVae } from "@mmgen/vqvae";
import { inPieces } from "../sampling/in-pieces.js";

/** Images between two looks at the signal: whole batches of the codec, so that codes do not depend on it. */
const imagesAtOnce = 256;

/**
 * The codes of images, as `vqvae.encode` gives them.
 *
 * @param signal - Stops it between two parts of the images. Default: nobody does.
 * @throws an {@link AbortedError} when the signal fires.
 */
export async function encodeImages(vqvae: VqVae, images: ImageBatch, signal?: AbortSignal): Promise<CodeBatch> {
  if (signal === undefined) {
    return vqvae.encode(images);
  }
  const { count } = images;
  const { height, width } = vqvae.codeGrid;
  const data = new Int32Array(count * height * width);
  await inPieces(count, { signal, rows: imagesAtOnce }, async (start, end) => {
    if (signal.aborted) {
      throw new AbortedError(`Stopped while images were encoded, after ${start} of ${count}.`, {
        cause: signal.reason,
      });
    }
    const part = await vqvae.encode(sliceImages(images, start, end));
    data.set(part.data, start * height * width);
  });
  return { data, count, height, width };
}
