import { access } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import type { CaptionedDigits } from "./captioned-images.js";
import { type ImageSplits, parseColoredMnist, parseColoredMnistWithText } from "./course-data.js";
import { dataFolder } from "./data-folders.js";

/** The course data: captioned images, and those its image tokenizer was trained on. */
export interface CourseData {
  readonly train: CaptionedDigits;
  readonly test: CaptionedDigits;
  /** Colored digits on black, without captions. */
  readonly tokenizerImages: ImageSplits;
  /** Where it came from, for people. */
  readonly source: string;
}

const tokenizerFile = "mnist_colored.pkl";
const captionedFile = "colored_mnist_with_text.pkl";

/**
 * Reads `mnist_colored.pkl` and `colored_mnist_with_text.pkl` from the data folder or its folder `course`.
 *
 * @param dataDir - Default: the environment's `MMGEN_DATA_DIR`.
 * @throws a {@link DataError} when either is missing, damaged or hostile.
 */
export async function loadCourseData(dataDir?: string): Promise<CourseData> {
  const folder = dataFolder(dataDir);
  if (folder === undefined) {
    throw new DataError(
      `Course data: name the folder of ${tokenizerFile} and ${captionedFile} by dataDir or MMGEN_DATA_DIR.`,
    );
  }
  const tokenizerPath = await find(folder, tokenizerFile);
  const captionedPath = await find(folder, captionedFile);
  const tokenizerImages = parseColoredMnist(await readFileBytes(tokenizerPath, "course data"), tokenizerPath);
  const { train, test } = parseColoredMnistWithText(await readFileBytes(captionedPath, "course data"), captionedPath);
  return { train, test, tokenizerImages, source: `Course data from ${folder}` };
}

async function find(folder: string, name: string): Promise<string> {
  for (const path of [join(folder, "course", name), join(folder, name)]) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) {
      return path;
    }
  }
  throw new DataError(
    `Course data: no ${name} in ${folder} or its folder "course". It is in the dataset ankitdhall/colored_mnist on Hugging Face.`,
  );
}
