import { access } from "node:fs/promises";
import { join } from "node:path";
import { DataError, type Limits, resolveLimits } from "@mmgen/core";
import { type FileSignature, readFileBytes } from "@mmgen/core/node";
import type { CaptionedDigits } from "../captions/captioned-images.js";
import { dataFolder } from "../download/data-folder.js";
import { type ImageSplits, parseColoredMnist, parseColoredMnistWithText } from "./colored-mnist.js";

/** The data set `ankitdhall/colored_mnist`: captioned images, and further ones without captions. */
export interface ColoredMnist {
  readonly train: CaptionedDigits;
  readonly test: CaptionedDigits;
  /** Colored digits on black, without captions. */
  readonly uncaptionedImages: ImageSplits;
  /** What was loaded from where, in one line. */
  readonly source: string;
}

const uncaptionedFile = "mnist_colored.pkl";
const captionedFile = "colored_mnist_with_text.pkl";

/**
 * Loads the data set `ankitdhall/colored_mnist`: `mnist_colored.pkl` and `colored_mnist_with_text.pkl` from the data folder
 * or its folder `colored-mnist`.
 *
 * @param dataDir - Default: the environment's `MMGEN_DATA_DIR`.
 * @param limits - `fileBytes`, and those of `parsePickle`, are taken.
 * @throws a {@link DataError} when either is missing, damaged or hostile.
 */
export async function loadColoredMnist(dataDir?: string, limits: Partial<Limits> = {}): Promise<ColoredMnist> {
  const folder = dataFolder(dataDir);
  if (folder === undefined) {
    throw new DataError(
      `Colored MNIST: expected a folder with ${uncaptionedFile} and ${captionedFile}, got none. Name it by dataDir or MMGEN_DATA_DIR.`,
    );
  }
  const uncaptionedPath = await find(folder, uncaptionedFile);
  const captionedPath = await find(folder, captionedFile);
  const uncaptionedImages = parseColoredMnist(await readPickle(uncaptionedPath, limits), uncaptionedPath, limits);
  const { train, test } = parseColoredMnistWithText(await readPickle(captionedPath, limits), captionedPath, limits);
  return { train, test, uncaptionedImages, source: `Colored MNIST from ${folder}` };
}

/** Reads a file that begins as a pickle does. */
function readPickle(path: string, limits: Partial<Limits>): Promise<Uint8Array> {
  const signature: FileSignature = (head) =>
    head[0] === 0x80 ? undefined : "expected a pickle of protocol 2 to 5 (first byte 0x80), got another format";
  return readFileBytes(path, "data set", { maxBytes: resolveLimits(limits).fileBytes, signature });
}

async function find(folder: string, name: string): Promise<string> {
  for (const path of [join(folder, "colored-mnist", name), join(folder, name)]) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) {
      return path;
    }
  }
  throw new DataError(
    `Colored MNIST: no ${name} in ${folder} or its folder "colored-mnist". Download it from https://huggingface.co/datasets/ankitdhall/colored_mnist.`,
  );
}
