import { type CodeBatch, ConfigError, checkTokenBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import { checkOrder, chooseOrders, type Order, type OrderChoice } from "./orders.js";
import type { Slot } from "./sequence-template.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { leading, wholeImages, writeSequences } from "./write-sequences.js";

/** A pair that breaks off: in the first modality, with nothing of the second, or in the second. */
export interface PartialPair {
  /** Which modality stands first. */
  readonly order: Order;
  /** Captions, or their first words; the same number in each row. */
  readonly captions?: readonly string[];
  /** Leading codes of each image, read row by row, `[rows, length]`. */
  readonly codes?: TokenBatch;
}

export function promptForImages(parts: TokenizerParts, captions: readonly string[]): TokenBatch {
  const count = captions.length;
  return writeSequences(parts, { count, captions, captionsAreWhole: true }, repeat("text-first", count));
}

export function promptForCaptions(parts: TokenizerParts, images: CodeBatch): TokenBatch {
  const codes = wholeImages(parts, images);
  return writeSequences(
    parts,
    { count: codes.count, codes, captionsAreWhole: false },
    repeat("image-first", codes.count),
  );
}

export function promptForPairs(parts: TokenizerParts, count: number, order?: OrderChoice): TokenBatch {
  if (!Number.isInteger(count) || count < 0) {
    throw new ConfigError(`promptForPairs: expected a whole number of rows, got ${count}.`);
  }
  const nothing = { count, captionsAreWhole: false };
  const orders = order === undefined ? repeat("text-first", count) : chooseOrders(order, count);
  const written = writeSequences(parts, nothing, orders, { cut: true });
  if (order !== undefined) {
    return written;
  }
  const { "text-first": one, "image-first": other } = parts.templates;
  let common = 0;
  while (common < written.length && sameLiteral(one[common]!, other[common]!)) {
    common++;
  }
  if (common === 0) {
    throw new ConfigError(
      'promptForPairs: sequences of this layout share no first id; give an order, for instance "halves".',
    );
  }
  return leading(written, common);
}

export function promptForCompletion(parts: TokenizerParts, beginning: PartialPair): TokenBatch {
  const { captions, codes } = beginning;
  const order = checkOrder(beginning.order);
  const count = captions?.length ?? codes?.count;
  if (count === undefined || (codes !== undefined && codes.count !== count)) {
    throw new ShapeError(
      `promptForCompletion: expected captions and codes of the same rows, got ${captions?.length ?? "no"} captions and ${codes?.count ?? "no"} rows of codes.`,
    );
  }
  if (codes !== undefined) {
    checkTokenBatch(codes, parts.config.codebookSize);
  }
  const captionsAreWhole = order === "text-first" && codes !== undefined && captions !== undefined;
  const prompt = writeSequences(parts, { count, captions, codes, captionsAreWhole }, repeat(order, count));
  // A template stops at its first gap; what was given beyond the gap would be lost without a word.
  const { vocabulary } = parts;
  const written = prompt.data.reduce((sum, id) => sum + (vocabulary.modality(id) === "image" ? 1 : 0), 0);
  const textStart = parts.templates[order].findIndex((slot) => slot.kind === "text");
  if (
    written !== (codes?.data.length ?? 0) ||
    (captions !== undefined && order === "image-first" && prompt.length < textStart)
  ) {
    const { height, width } = parts.config.codeGrid;
    throw new ConfigError(
      `promptForCompletion: the second modality can only begin after the whole first one, and an image has ${height * width} codes; order "${order}", got ${captions?.length ?? "no"} captions and ${codes?.length ?? "no"} codes a row.`,
    );
  }
  return prompt;
}

function sameLiteral(a: Slot, b: Slot): boolean {
  return a.kind === "literal" && b.kind === "literal" && a.id === b.id;
}

function repeat(order: Order, count: number): Order[] {
  return new Array<Order>(count).fill(order);
}
