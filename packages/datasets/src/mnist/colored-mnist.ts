import { DataError, type ImageBatch, type Limits, VocabularyError } from "@mmgen/core";
import type { CaptionedDigits } from "../captions/captioned-images.js";
import { parseCaption } from "../captions/digit-captions.js";
import type { PickleValue } from "../pickle/check-plain-value.js";
import { parsePickle } from "../pickle/parse-pickle.js";
import { PickledArray } from "../pickle/pickled-array.js";

/** A training set and a test set of images. */
export interface ImageSplits {
  readonly train: ImageBatch;
  readonly test: ImageBatch;
}

/**
 * Reads the images without captions of `ankitdhall/colored_mnist`, `mnist_colored.pkl`: `{"train": images, "test": images}`.
 *
 * @param limits - As of `parsePickle`.
 * @returns Levels 0..3, `[count, height, width, 3]`; views of `bytes` where the file's order allows.
 * @throws a {@link DataError} when the file is hostile, damaged, or holds something else.
 */
export function parseColoredMnist(
  bytes: Uint8Array,
  name = "mnist_colored.pkl",
  limits: Partial<Limits> = {},
): ImageSplits {
  const content = parsePickle(bytes, name, limits);
  if (!(content instanceof Map) || !content.has("train") || !content.has("test")) {
    throw new DataError(`${name}: expected a dictionary with "train" and "test".`);
  }
  return {
    train: toImages(content.get("train"), `${name} (train)`),
    test: toImages(content.get("test"), `${name} (test)`),
  };
}

/**
 * Reads the captioned images of `ankitdhall/colored_mnist`, `colored_mnist_with_text.pkl`: training images, test images, training
 * captions, test captions.
 *
 * @param limits - As of `parsePickle`.
 * @throws a {@link DataError} when the file is hostile, damaged, or holds something else.
 */
export function parseColoredMnistWithText(
  bytes: Uint8Array,
  name = "colored_mnist_with_text.pkl",
  limits: Partial<Limits> = {},
): { readonly train: CaptionedDigits; readonly test: CaptionedDigits } {
  const content = parsePickle(bytes, name, limits);
  if (!Array.isArray(content) || content.length !== 4) {
    throw new DataError(`${name}: expected four parts: training images, test images, and the captions of both.`);
  }
  const [trainImages, testImages, trainCaptions, testCaptions] = content as PickleValue[];
  return {
    train: toCaptioned(trainImages, trainCaptions, `${name} (train)`),
    test: toCaptioned(testImages, testCaptions, `${name} (test)`),
  };
}

function toImages(value: unknown, name: string): ImageBatch {
  const { shape, values } = value instanceof PickledArray ? value : { shape: [], values: [] };
  const [count, height, width, channels] = shape;
  if (shape.length !== 4 || channels !== 3 || !(values instanceof Uint8Array)) {
    throw new DataError(
      `${name}: expected a uint8 array of shape (count, height, width, 3), got (${shape.join(", ")}).`,
    );
  }
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > 3) {
      throw new DataError(`${name}: expected levels 0 to 3, got ${values[i]} at index ${i}.`);
    }
  }
  return { data: values, count: count!, height: height!, width: width!, channels, maxValue: 3 };
}

function toCaptioned(imagesValue: unknown, captionsValue: unknown, name: string): CaptionedDigits {
  const images = toImages(imagesValue, name);
  const captions: unknown = captionsValue instanceof PickledArray ? captionsValue.values : captionsValue;
  if (!Array.isArray(captions) || captions.length !== images.count) {
    throw new DataError(`${name}: expected one caption for each of ${images.count} images.`);
  }
  const digits = new Uint8Array(images.count);
  const digitColors = new Uint8Array(images.count);
  const backgroundColors = new Uint8Array(images.count);
  captions.forEach((caption: unknown, i) => {
    if (typeof caption !== "string") {
      throw new DataError(`${name}: caption ${i} is not text.`);
    }
    try {
      const attributes = parseCaption(caption);
      digits[i] = attributes.digit;
      digitColors[i] = attributes.digitColor;
      backgroundColors[i] = attributes.backgroundColor;
    } catch (error) {
      if (VocabularyError.isInstance(error)) {
        throw new DataError(`${name}: caption ${i} is not of the form expected. ${error.message}`, { cause: error });
      }
      throw error;
    }
  });
  return { images, captions, digits, digitColors, backgroundColors };
}
