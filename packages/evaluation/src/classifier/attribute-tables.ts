import { type AttributeTable, checkAttributeTable, ShapeError } from "@mmgen/core";
import type { AttributeLabels } from "./attribute-scores.js";
import type { Attribute } from "./classifier-config.js";

/**
 * What an `AttributeClassifier` learns from a table: its attributes with their numbers of values, and the labels of each.
 *
 * @returns `labels`: by attribute, `[count]`, −1 where unknown; yours.
 * @throws a {@link ShapeError} when the table does not fit itself.
 */
export function tableLabels(table: AttributeTable): {
  readonly attributes: readonly Attribute[];
  readonly labels: AttributeLabels;
} {
  checkAttributeTable(table);
  const { attributes, count, labels } = table;
  const columns = attributes.map(({ name }, column) => [
    name,
    Int32Array.from({ length: count }, (_, row) => labels[row * attributes.length + column]!),
  ]);
  return {
    attributes: attributes.map(({ name, values }) => ({ name, classes: values.length })),
    labels: Object.fromEntries(columns),
  };
}

/** How often an attribute was found as expected. */
export interface AttributeScore {
  readonly name: string;
  /** Images of which the attribute is known. */
  readonly count: number;
  /** Share of them that are right. */
  readonly accuracy: number;
  /** Mean over the attribute's values of the share that is right, so that a rare value counts as a common one. */
  readonly balanced: number;
  /** Share of the commonest value: what always answering it would score. */
  readonly commonest: number;
}

/** Scores of all attributes; see {@link attributeScores}. */
export interface AttributeScores {
  readonly attributes: readonly AttributeScore[];
  /** Mean of the attributes' balanced scores. */
  readonly mean: number;
  /** Share that is right in every attribute that is known, of the images of which one is. */
  readonly allRight: number;
}

/**
 * Scores what a classifier found, or what captions say, against what was asked for.
 *
 * @param expected - Unknown attributes (−1) are not counted.
 * @param found - By attribute one class an image, as `predict` gives them; −1, or another class, is wrong.
 * @throws a {@link ShapeError} when attributes or counts differ, or nothing is known.
 */
export function attributeScores(expected: AttributeTable, found: AttributeLabels): AttributeScores {
  const { labels } = tableLabels(expected);
  const { attributes, count } = expected;
  /** Whether anything is known of an image, and whether it is wrong. */
  const [known, wrong] = [new Uint8Array(count), new Uint8Array(count)];
  const scores = attributes.map(({ name, values }): AttributeScore => {
    const column = Object.hasOwn(found, name) ? found[name]! : undefined;
    if (column?.length !== count) {
      throw new ShapeError(`found.${name}: expected ${count} classes, one an image, got ${column?.length ?? "none"}.`);
    }
    const [counts, right] = [new Float64Array(values.length), new Float64Array(values.length)];
    for (let i = 0; i < count; i++) {
      const value = labels[name]![i]!;
      if (value >= 0) {
        counts[value]!++;
        known[i] = 1;
        right[value]! += column[i] === value ? 1 : 0;
        wrong[i]! |= column[i] === value ? 0 : 1;
      }
    }
    return { name, ...scoreOf(counts, right) };
  });
  const scored = scores.filter(({ count }) => count > 0);
  if (scored.length === 0) {
    throw new ShapeError("attributeScores: expected at least one image with a known attribute.");
  }
  const mean = scored.reduce((sum, { balanced }) => sum + balanced, 0) / scored.length;
  const ones = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
  return { attributes: scores, mean, allRight: 1 - ones(wrong) / ones(known) };
}

function scoreOf(counts: Float64Array, right: Float64Array): Omit<AttributeScore, "name"> {
  const count = counts.reduce((sum, each) => sum + each, 0);
  const shares = [...counts.keys()]
    .filter((value) => counts[value]! > 0)
    .map((value) => right[value]! / counts[value]!);
  const sum = (values: Iterable<number>) => [...values].reduce((total, each) => total + each, 0);
  return {
    count,
    accuracy: count === 0 ? Number.NaN : sum(right) / count,
    balanced: count === 0 ? Number.NaN : sum(shares) / shares.length,
    commonest: count === 0 ? Number.NaN : Math.max(...counts) / count,
  };
}
