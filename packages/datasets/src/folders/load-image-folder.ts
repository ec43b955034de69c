import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  AbortedError,
  type AttributeTable,
  ConfigError,
  DataError,
  type ImageBatch,
  type Limits,
  Random,
  resolveLimits,
} from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import {
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { type CaptionedImages, gatherCaptioned } from "../captions/captioned-images.js";
import { allocateImages } from "../images/allocate-images.js";
import { Budget } from "../images/budget.js";
import { splitIndices } from "../splits/split-indices.js";
import { type CaptionSource, captionSources, findCaptionSource, readCaptions } from "./folder-captions.js";
import { ImageDecoder, type ImageForm } from "./image-decoder.js";
import { listImageFolder } from "./list-image-folder.js";

const share = number({ min: 0, below: 1 });

const loadImageFolderSchema = pipe(
  fields({
    /** Images are read from it and from all folders in it. */
    folder: text({ minLength: 1 }),
    /** Height and width that all images are resized to, in pixels: a number, or `{ height, width }`. */
    side: value<number | { readonly height: number; readonly width: number }>(
      "pixels, or { height, width }, whole numbers from 1 to 4096",
      isSide,
    ),
    /**
     * Height and width, in pixels, of what is cut out of the middle of each image before it is resized; a face of CelebA's
     * aligned images, 218 × 178, fills 148 × 148. Default: none, the whole image.
     */
    crop: optional(
      value<{ readonly height: number; readonly width: number }>(
        "{ height, width }, whole numbers of pixels of at least 1",
        isCrop,
      ),
    ),
    /**
     * - `cover` (default): fills the form and crops what exceeds it, evenly at both ends.
     * - `contain`: shows the whole image, with the background beside it.
     * - `fill`: distorts.
     */
    fit: optional(oneOf(["cover", "contain", "fill"]), "cover"),
    /** 3, red, green and blue (default), or 1, gray: a color's luma with Rec. 601's weights, as in `readImages`. */
    channels: optional(
      value<1 | 3>("1 or 3", (channels) => channels === 1 || channels === 3),
      3,
    ),
    /** Red, green and blue, 0..255, under transparent pixels and beside contained images; default white. */
    background: optional(listOf(wholeNumber({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 }), [255, 255, 255]),
    /** Largest level, 1..255; below 255 the levels are evenly spread. Default 255. */
    maxValue: optional(wholeNumber({ min: 1, max: 255 }), 255),
    /**
     * - `table`: `metadata.jsonl`, `captions.jsonl`, `metadata.csv` or `captions.csv` in the folder, with `file_name` and
     *   `text`, the format of Hugging Face's imagefolder.
     * - `text-files`: `cat.txt` beside `cat.png`.
     * - `celeba-attributes`: composed of the attributes in CelebA's `list_attr_celeba.txt` or `.csv`, in the folder or beside
     *   it where it is called `img_align_celeba`; see `celebaCaptions`. The result then has `attributes`.
     * - `folder-names`: the name of the folder that the image is in, "_" read as a space.
     * - `none`: every caption is empty.
     *
     * Absent: the first of `table`, `text-files`, `celeba-attributes` and `folder-names` that the folder has.
     */
    captions: optional(oneOf(captionSources)),
    /** Images to validate on; default 0. */
    validationCount: optional(wholeNumber({ min: 0 })),
    /** Images to test on; default 0. */
    testCount: optional(wholeNumber({ min: 0 })),
    /** In place of `validationCount`: its share of all images, from 0 up to and without 1, rounded to whole images. */
    validationShare: optional(share),
    /** In place of `testCount`: its share of all images, from 0 up to and without 1, rounded to whole images. */
    testShare: optional(share),
    /** Selects the images of each split; default 0. */
    seed: optional(wholeNumber(), 0),
    /**
     * What the files may take, where the defaults of `defaultLimits` do not fit: `fileBytes` and `pixels` of each file
     * and of all that are read at the same time, `inflatedBytes` of each, `imagesAtOnce`; `textBytes` of a table of captions.
     */
    limits: optional(value<Partial<Limits>>("limits", (limits) => typeof limits === "object")),
    /** Receives what was passed over. Default: none. */
    onMessage: optional(functionValue<(message: string) => void>()),
    /** Stops between images. Default: none. */
    signal: optional(value<AbortSignal>("an AbortSignal", (signal) => signal instanceof AbortSignal)),
  }),
  rule("validationShare", ({ validationCount, validationShare }) =>
    validationCount !== undefined && validationShare !== undefined
      ? "give it or validationCount, not both."
      : undefined,
  ),
  rule("testShare", ({ testCount, testShare }) =>
    testCount !== undefined && testShare !== undefined ? "give it or testCount, not both." : undefined,
  ),
);

/** Options of {@link loadImageFolder}. */
export type LoadImageFolderOptions = OptionsOf<typeof loadImageFolderSchema>;
type LoadImageFolderConfig = ConfigOf<typeof loadImageFolderSchema>;

/** Captioned images, and the files they were read from. */
export interface FolderImages extends CaptionedImages {
  /** Relative to the folder, with "/" between the parts, `[count]`. */
  readonly files: readonly string[];
  /** What is known of each image; only with captions from `celeba-attributes`. */
  readonly attributes?: AttributeTable;
}

/** A folder's images in disjoint splits, each in the order of its files' names. */
export interface ImageFolderSplits {
  readonly train: FolderImages;
  /** Empty unless `validationCount` or `validationShare` was given. */
  readonly validation: FolderImages;
  /** Empty unless `testCount` or `testShare` was given. */
  readonly test: FolderImages;
  /** What was loaded, in one line: "120 images from my-images, 32 × 32, captions: table, seed 1". */
  readonly source: string;
  /** Where the captions were found. */
  readonly captionSource: CaptionSource;
}

/**
 * Loads a folder of PNG, JPEG and WebP images with their captions, resized to one form.
 *
 * Needs the optional peer `sharp`. The same files, options and seed give the same result on every system. An image is
 * turned upright as its EXIF data say; of an animation the first frame is taken.
 *
 * @returns Per split `[count, height, width, channels]` uint8 images with their captions and files; yours.
 * @throws a {@link ConfigError} when an option is unknown or out of range, the splits exceed the folder, or `sharp` is
 * not installed.
 * @throws a {@link DataError} naming the file when an image is damaged, a caption has no image, an image has no
 * caption or two, or the folder has no captions or no images at all.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function loadImageFolder(options: LoadImageFolderOptions): Promise<ImageFolderSplits> {
  const config = resolveOptions(loadImageFolderSchema, options);
  const { folder, seed, onMessage, signal } = config;
  const form = imageForm(config);
  const limits = resolveLimits(config.limits);
  const listing = await listImageFolder(folder);
  const total = listing.images.length;
  const sizes = splitSizes(config, total);
  const source = config.captions ?? (await findCaptionSource(folder, listing));
  const captioned = await readCaptions(folder, listing, { source, limits });
  const passedOver = listing.others.filter((path) => /\.(gif|bmp|tiff?|avif|hei[cf]|svg)$/i.test(path));
  if (passedOver.length > 0) {
    onMessage?.(
      `${folder}: passed over ${passedOver.length} files that are not PNG, JPEG or WebP, such as ${passedOver[0]}.`,
    );
  }
  const images = await readImages(listing.images, { folder, form, limits, signal });
  const indices = splitIndices(total, sizes, Random.fromSeed(seed).fork("splits"));
  const all: FolderImages = { images, ...captioned, files: listing.images };
  const pick = (split: Int32Array) => gatherCaptioned(all, split.sort());
  return {
    train: pick(indices.train),
    validation: pick(indices.validation),
    test: pick(indices.test),
    source: `${total} images from ${folder}, ${form.height} × ${form.width}, captions: ${source}, seed ${seed}`,
    captionSource: source,
  };
}

function splitSizes({ folder, ...config }: LoadImageFolderConfig, total: number) {
  const { validationShare = 0, testShare = 0 } = config;
  const { validationCount = Math.round(validationShare * total), testCount = Math.round(testShare * total) } = config;
  if (validationCount + testCount > total) {
    throw new ConfigError(
      `${folder} has ${total} images: expected at most that many to validate and test on, got ${validationCount} + ${testCount}.`,
    );
  }
  return { train: total - validationCount - testCount, validation: validationCount, test: testCount };
}

interface ReadFolderOptions {
  readonly folder: string;
  readonly form: ImageForm;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
}

async function readImages(
  images: readonly string[],
  { folder, form, limits, signal }: ReadFolderOptions,
): Promise<ImageBatch> {
  const { height, width, channels, maxValue } = form;
  const decoder = await ImageDecoder.create(form, limits);
  const fileBytes = new Budget(limits.fileBytes);
  const size = height * width * channels;
  const data = allocateImages(images.length, form);
  const broken: string[] = [];
  const concurrency = Math.max(1, limits.imagesAtOnce);
  for (let start = 0; start < images.length; start += concurrency) {
    if (signal?.aborted) {
      throw new AbortedError(`Reading ${folder} was stopped.`, { cause: signal.reason });
    }
    const reading = images.slice(start, start + concurrency).map(async (image, i) => {
      const path = join(folder, image);
      const bytes = await stat(path).then(
        (stats) => stats.size,
        () => 0,
      );
      const decoded = await fileBytes.run(bytes, async () =>
        decoder.decode(await readFileBytes(path, "image", { maxBytes: Math.min(bytes, limits.fileBytes) })),
      );
      data.set(decoded, (start + i) * size);
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

function imageForm({ side, crop, fit, channels, background, maxValue }: LoadImageFolderConfig): ImageForm {
  const { height, width } = typeof side === "number" ? { height: side, width: side } : side;
  return { height, width, crop, fit, channels, background: background as ImageForm["background"], maxValue };
}

function isSide(candidate: unknown): boolean {
  return isPixels(candidate, 4096) || isSize(candidate, 4096);
}

function isCrop(candidate: unknown): boolean {
  return isSize(candidate, 2 ** 26);
}

function isSize(candidate: unknown, max: number): boolean {
  const { height, width } = (candidate ?? {}) as { height?: unknown; width?: unknown };
  return isPixels(height, max) && isPixels(width, max);
}

function isPixels(candidate: unknown, max: number): boolean {
  return Number.isInteger(candidate) && (candidate as number) >= 1 && (candidate as number) <= max;
}
