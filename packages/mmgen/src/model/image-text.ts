import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { fields, listOf, resolveOptions, text, value } from "@mmgen/core/options";
import { checkCaptions, checkImages } from "./check-arguments.js";

/** Images with a caption each. */
export interface CaptionedImageSet {
  readonly images: ImageBatch;
  /** One an image. */
  readonly captions: readonly string[];
}

/** The class of each image. */
export interface ImageClasses {
  /** An index of `names` for each image. */
  readonly labels: ArrayLike<number>;
  /** Name of each class: what images of it are asked for by. */
  readonly names: readonly string[];
}

/** Images with a caption each, with a class each, or alone. */
export interface ImageSet {
  readonly images: ImageBatch;
  /** One an image. Default: none. */
  readonly captions?: readonly string[] | undefined;
  /** The class of each image, in place of captions. Default: none. */
  readonly classes?: ImageClasses | undefined;
}

/** What is said of images. */
export interface ImageText {
  /** `none` where there are images alone. */
  readonly kind: "captions" | "classes" | "none";
  /** What is said of each image: its caption, the name of its class, or nothing. */
  readonly captions: readonly string[];
  /** Names of the classes; absent where there are none. */
  readonly names?: readonly string[];
}

/**
 * What is said of the images of a set, one text an image.
 *
 * @param name - What the caller knows the images as, for errors.
 * @throws a `ConfigError` when captions or classes are none, or both are given; a `ShapeError` when they are not as many as
 *   the images.
 */
export function imageText(name: string, { captions, classes, images }: ImageSet): ImageText {
  checkImages(images);
  if (captions !== undefined && classes !== undefined) {
    throw new ConfigError(
      `${name}: expected captions or classes, got both. Leave out the one that is not to be learned.`,
    );
  }
  if (classes !== undefined) {
    const { labels, names } = checkClasses(classes, images.count);
    return { kind: "classes", captions: Array.from(labels, (label) => names[label]!), names };
  }
  if (captions === undefined) {
    return { kind: "none", captions: new Array<string>(images.count).fill("") };
  }
  checkCaptions(captions);
  if (images.count !== captions.length) {
    throw new ShapeError(`${name}: expected one caption an image (${images.count}), got ${captions.length}.`);
  }
  return { kind: "captions", captions };
}

function checkClasses(classes: ImageClasses, count: number): ImageClasses {
  const { labels, names } = resolveOptions(classesSchema, classes, { path: "classes" });
  if (labels.length !== count) {
    throw new ShapeError(`classes.labels: expected one an image (${count}), got ${labels.length}.`);
  }
  const repeated = names.find((each, i) => names.indexOf(each) < i);
  if (repeated !== undefined) {
    throw new ConfigError(`classes.names: expected each name once, got "${repeated}" twice.`);
  }
  const wrong = Array.from(labels).findIndex(
    (label) => !(Number.isInteger(label) && label >= 0 && label < names.length),
  );
  if (wrong >= 0) {
    throw new ConfigError(
      `classes.labels[${wrong}]: expected a whole number from 0 to ${names.length - 1}, an index of the names, got ${labels[wrong]}.`,
    );
  }
  return { labels, names };
}

const isList = (labels: unknown) => Array.isArray(labels) || ArrayBuffer.isView(labels);
const classesSchema = fields({
  labels: value<ArrayLike<number>>("a list of numbers", isList),
  names: listOf(text({ minLength: 1 }), { minLength: 1 }),
});
