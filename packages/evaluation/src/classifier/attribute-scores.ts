import type { ExampleSource } from "@mmgen/core";
import { checkImageBatch, gatherImages, type ImageBatch, ShapeError } from "@mmgen/core";
import { resolveOptions, value } from "@mmgen/core/options";
import type { Attribute } from "./classifier-config.js";

/** A class for each image, `[count]`, by attribute. */
export type AttributeLabels<Name extends string = string> = Readonly<Record<Name, ArrayLike<number>>>;

/** Images with their labels. */
export interface AttributeBatch<Name extends string = string> {
  readonly images: ImageBatch;
  readonly labels: AttributeLabels<Name>;
}

/**
 * Labeled images as examples for `train` and `evaluateLoss`.
 *
 * @param images - Borrowed for as long as the source is used, as are the labels; batches are copies.
 * @throws a {@link ShapeError} when an attribute has another number of classes than there are images.
 */
export function attributeExamples<Name extends string>(
  images: ImageBatch,
  labels: AttributeLabels<Name>,
): ExampleSource<AttributeBatch<Name>> {
  checkImageBatch(images);
  const columns = Object.entries(checkLabels("labels", labels)) as [Name, ArrayLike<number>][];
  for (const [name, column] of columns) {
    checkCount(name, column, images.count);
  }
  return {
    count: images.count,
    batch: (indices) => ({
      images: gatherImages(images, indices),
      labels: Object.fromEntries(
        columns.map(([name, column]) => [name, Int32Array.from(indices, (index) => column[index]!)]),
      ) as Record<Name, Int32Array>,
    }),
  };
}

/** Agreement of two labelings of the same images. */
export interface AttributeAgreement<Name extends string = string> {
  readonly count: number;
  /** Share of the images with the same class in both, by attribute. */
  readonly accuracy: Readonly<Record<Name, number>>;
  /** Share of the images with the same class in both for every attribute. */
  readonly allRight: number;
}

/**
 * Compares the classes that a classifier predicted with those that captions asked for, or two lists of captions.
 *
 * @throws a {@link ShapeError} when the two differ in attributes or counts, or there is no image.
 */
export function attributeAgreement<Name extends string>(
  expected: AttributeLabels<Name>,
  found: AttributeLabels<Name>,
): AttributeAgreement<Name> {
  const names = Object.keys(checkLabels("expected", expected)) as Name[];
  checkLabels("found", found);
  const count = names.length === 0 ? 0 : expected[names[0]!].length;
  if (count === 0) {
    throw new ShapeError("attributeAgreement: expected at least one attribute and one image.");
  }
  const right: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  for (const name of names) {
    checkCount(name, expected[name], count);
    checkCount(name, Object.hasOwn(found, name) ? found[name] : undefined, count);
  }
  let allRight = 0;
  for (let i = 0; i < count; i++) {
    let agreed = 0;
    for (const name of names) {
      if (expected[name][i] === found[name][i]) {
        right[name]!++;
        agreed++;
      }
    }
    allRight += agreed === names.length ? 1 : 0;
  }
  const accuracy = Object.fromEntries(names.map((name) => [name, right[name]! / count])) as Record<Name, number>;
  return { count, accuracy, allRight: allRight / count };
}

/**
 * Counts of a confusion matrix: how often each expected class was found as each other. `confusionMatrix` of
 * `@mmgen/plots` draws them.
 *
 * @returns A row for each expected class, with a count for each found one, `[classes][classes]`; yours.
 * @throws a {@link ShapeError} when the two differ in length or a class is outside `[0, classes)`.
 */
export function confusionCounts(expected: ArrayLike<number>, found: ArrayLike<number>, classes: number): Int32Array[] {
  checkCount("found", found, expected.length);
  const counts = Array.from({ length: classes }, () => new Int32Array(classes));
  for (let i = 0; i < expected.length; i++) {
    const [row, column] = [expected[i]!, found[i]!];
    if (!(row in counts && column in counts)) {
      throw new ShapeError(`confusionCounts: classes ${row} and ${column} at index ${i} must be in [0, ${classes}).`);
    }
    counts[row]![column]!++;
  }
  return counts;
}

/** Arrays by attribute; anything else is refused. */
function checkLabels(name: string, labels: unknown): AttributeLabels {
  return resolveOptions(columns, labels, { path: name });
}

const columns = value<AttributeLabels>(
  "classes by attribute, { digit: [7, 1, …] }",
  (labels) =>
    labels instanceof Object &&
    Object.values(labels).every((column) => typeof column === "object" && Number.isInteger(column?.length)),
);
function checkCount(name: string, column: ArrayLike<number> | undefined, count: number): void {
  if (column?.length !== count) {
    throw new ShapeError(`${name}: expected ${count} classes, one an image, got ${column?.length ?? "none"}.`);
  }
}

/**
 * Checks the labels of some images.
 *
 * @throws a {@link ShapeError} when an attribute has none or another number of them, or one is no class, nor −1.
 */
export function checkClasses(labels: AttributeLabels, attributes: readonly Attribute[], count: number): void {
  for (const { name, classes } of attributes) {
    const given: ArrayLike<number> | undefined = labels[name];
    if (given?.length !== count) {
      throw new ShapeError(`labels.${name}: expected ${count}, one an image, got ${given?.length ?? "none"}.`);
    }
    for (let i = 0; i < count; i++) {
      if (!(given[i]! >= -1 && given[i]! < classes)) {
        throw new ShapeError(
          `labels.${name}: ${given[i]} at index ${i} is outside [0, ${classes}), and not −1 for unknown.`,
        );
      }
    }
  }
}
