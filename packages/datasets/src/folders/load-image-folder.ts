import { join } from "node:path";
import { AbortedError, ConfigError, DataError, type ImageBatch, Random } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { type CaptionedImages, gatherCaptioned } from "../captions/captioned-images.js";
import { splitIndices } from "../splits/split-indices.js";
import { type CaptionSource, findCaptionSource, readCaptions } from "./folder-captions.js";
import { ImageDecoder, type ImageForm } from "./image-decoder.js";
import { listImageFolder } from "./list-image-folder.js";

/** Options of {@link loadImageFolder}. */
export interface LoadImageFolderOptions {
  /** Images are looked for in it and in all folders in it. */
  readonly folder: string;
  /** Height and width that all images are brought to, in pixels. */
  readonly side: number | { readonly height: number; readonly width: number };
  /**
   * - `cover` (default): fills the form, and cuts off what stands over at both ends evenly.
   * - `contain`: shows the whole image, with the background beside it.
   * - `fill`: distorts.
   */
  readonly fit?: "cover" | "contain" | "fill" | undefined;
  /** 3, red, green and blue (default), or 1, gray. */
  readonly channels?: 1 | 3 | undefined;
  /** Red, green and blue, 0..255, under transparent pixels and beside contained images; default white. */
  readonly background?: readonly [number, number, number] | undefined;
  /** The greatest level, 1..255; below 255 the levels are evenly spread. Default 255. */
  readonly maxValue?: number | undefined;
  /**
   * - `table`: `metadata.jsonl`, `captions.jsonl`, `metadata.csv` or `captions.csv` in the folder, with `file_name` and
   *   `text`, as Hugging Face's imagefolder has them.
   * - `text-files`: `cat.txt` beside `cat.png`.
   * - `folder-names`: the name of the folder that the image is in, "_" read as a space.
   * - `none`: every caption is empty.
   *
   * Absent: the first of these three that the files tell of.
   */
  readonly captions?: CaptionSource | undefined;
  /** Default 0. */
  readonly validationCount?: number | undefined;
  /** Default 0. */
  readonly testCount?: number | undefined;
  /** Decides which images go where; default 0. */
  readonly seed?: number | undefined;
  /** Told what was passed over. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /** Stops between images. */
  readonly signal?: AbortSignal | undefined;
}

/** Captioned images, and the files they were read from. */
export interface FolderImages extends CaptionedImages {
  /** Relative to the folder, with "/" between the parts, `[count]`. */
  readonly files: readonly string[];
}

/** A folder's images in disjoint splits, each in the order of its files' names. */
export interface ImageFolderSplits {
  readonly train: FolderImages;
  /** Empty unless `validationCount` was given. */
  readonly validation: FolderImages;
  /** Empty unless `testCount` was given. */
  readonly test: FolderImages;
  /** One line for people. */
  readonly source: string;
}

/** Images decoded at once: enough for sharp's threads, few enough to keep whole files in memory. */
const together = 16;

/**
 * Reads people's own images, PNG, JPEG and WebP, with their captions, resized to one form.
 *
 * Needs the optional peer `sharp`. The same files, options and seed give the same result on every system. An image is
 * turned upright as its EXIF data say; of an animation the first frame counts.
 *
 * @throws a {@link ConfigError} when an option is out of range or `sharp` is not installed.
 * @throws a {@link DataError} naming the file when an image is damaged, a caption has no image, an image has no
 * caption or two, or there is no image at all.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function loadImageFolder(options: LoadImageFolderOptions): Promise<ImageFolderSplits> {
  const { folder, validationCount = 0, testCount = 0, seed = 0, onMessage, signal } = options;
  const form = imageForm(options);
  const listing = await listImageFolder(folder);
  const total = listing.images.length;
  if (validationCount + testCount > total) {
    throw new ConfigError(
      `${folder}: ${validationCount} images to validate and ${testCount} to test asked for, and there are ${total}.`,
    );
  }
  const place = options.captions ?? findCaptionSource(folder, listing);
  const captions = await readCaptions(folder, listing, place);
  const passedOver = listing.others.filter((path) => /\.(gif|bmp|tiff?|avif|hei[cf]|svg)$/i.test(path));
  if (passedOver.length > 0) {
    onMessage?.(
      `${folder}: passed over ${passedOver.length} files that are not PNG, JPEG or WebP, such as ${passedOver[0]}.`,
    );
  }
  const images = await readImages(folder, listing.images, form, signal);
  const sizes = { train: total - validationCount - testCount, validation: validationCount, test: testCount };
  const indices = splitIndices(total, sizes, Random.fromSeed(seed).fork("splits"));
  const pick = (split: Int32Array): FolderImages => {
    const inOrder = split.sort();
    return {
      ...gatherCaptioned({ images, captions }, inOrder),
      files: Array.from(inOrder, (i) => listing.images[i]!),
    };
  };
  return {
    train: pick(indices.train),
    validation: pick(indices.validation),
    test: pick(indices.test),
    source: `${total} images from ${folder}, ${form.height} × ${form.width}, captions: ${place}, seed ${seed}`,
  };
}

async function readImages(
  folder: string,
  images: readonly string[],
  form: ImageForm,
  signal: AbortSignal | undefined,
): Promise<ImageBatch> {
  const { height, width, channels, maxValue } = form;
  const decoder = await ImageDecoder.create(form);
  const size = height * width * channels;
  const data = new Uint8Array(images.length * size);
  const broken: string[] = [];
  for (let start = 0; start < images.length; start += together) {
    if (signal?.aborted) {
      throw new AbortedError(`Reading ${folder} was stopped.`, { cause: signal.reason });
    }
    const reading = images.slice(start, start + together).map(async (image, i) => {
      const bytes = await readFileBytes(join(folder, image), "image");
      data.set(await decoder.decode(bytes), (start + i) * size);
    });
    for (const [i, result] of (await Promise.allSettled(reading)).entries()) {
      if (result.status === "rejected") {
        broken.push(`${images[start + i]}: ${(result.reason as Error).message}`);
      }
    }
  }
  if (broken.length > 0) {
    const shown = broken.slice(0, 5).join("; ");
    throw new DataError(
      `${folder}: ${broken.length} of ${images.length} images cannot be read: ${shown}${broken.length > 5 ? "; …" : ""}. ` +
        "Repair them or move them elsewhere.",
    );
  }
  return { data, count: images.length, height, width, channels, maxValue };
}

function imageForm(options: LoadImageFolderOptions): ImageForm {
  const { side, fit = "cover", channels = 3, background = [255, 255, 255], maxValue = 255 } = options;
  const { height, width } = typeof side === "number" ? { height: side, width: side } : side;
  const check = (name: string, value: number, least: number, greatest: number) => {
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new ConfigError(`${name}: expected a whole number from ${least} to ${greatest}, got ${value}.`);
    }
  };
  check("side", height, 1, 4096);
  check("side", width, 1, 4096);
  check("maxValue", maxValue, 1, 255);
  for (const level of background) {
    check("background", level, 0, 255);
  }
  if (!["cover", "contain", "fill"].includes(fit)) {
    throw new ConfigError(`fit: expected cover, contain or fill, got "${fit}".`);
  }
  if (channels !== 1 && channels !== 3) {
    throw new ConfigError(`channels: expected 1 or 3, got ${channels}.`);
  }
  return { height, width, fit, channels, background, maxValue };
}
