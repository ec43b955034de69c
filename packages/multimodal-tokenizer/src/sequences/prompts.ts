import {
  type CodeBatch,
  ConfigError,
  checkTokenBatch,
  checkWholeNumber,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";
import { checkOrder, chooseOrders, type Order, type OrderChoice } from "../layouts/orders.js";
import type { SequenceLayout, Slot } from "../layouts/sequence-layout.js";
import { checkCaptions, leading, wholeImages, writeSequences } from "./write-sequences.js";

/** Beginning of a pair: part or all of the first modality, or all of the first and part of the second. */
export interface PartialPair {
  /** Which modality comes first. */
  readonly order: Order;
  /** Captions, or their first words; the same number in each row. */
  readonly captions?: readonly string[] | undefined;
  /** Leading codes of each image, read row by row, `[rows, length]`. */
  readonly codes?: TokenBatch | undefined;
}

/** Prompts for generating images, `[rows, length]`: whole captions, up to the first image code. */
export function promptForImages(layout: SequenceLayout, captions: readonly string[]): TokenBatch {
  const count = checkCaptions(captions).length;
  return writeSequences(layout, { count, captions, captionsAreWhole: true }, repeat("text-first", count));
}

/**
 * Prompts for captioning, `[rows, length]`: whole images, up to the first word.
 *
 * @throws a {@link ConfigError} where the text comes before the image in every sequence (layout `class`).
 */
export function promptForCaptions(layout: SequenceLayout, images: CodeBatch): TokenBatch {
  if (layout.config.layout === "class") {
    throw new ConfigError(
      'promptForCaptions: sequences of the layout "class" begin with the class, so that no image can stand before it; score each class instead.',
    );
  }
  const codes = wholeImages(layout, images);
  return writeSequences(
    layout,
    { count: codes.count, codes, captionsAreWhole: false },
    repeat("image-first", codes.count),
  );
}

/** Prompts for unconditional pairs, `[count, length]`: the ids that all sequences (of the order) start with. */
export function promptForPairs(layout: SequenceLayout, count: number, order?: OrderChoice): TokenBatch {
  checkWholeNumber("promptForPairs", count, { min: 0, max: 2 ** 24 });
  const nothing = { count, captionsAreWhole: false };
  const orders = order === undefined ? repeat("text-first", count) : chooseOrders(order, count);
  const written = writeSequences(layout, nothing, orders, { cut: true });
  if (order !== undefined) {
    return written;
  }
  const { "text-first": one, "image-first": other } = layout.templates;
  let common = 0;
  while (common < written.length && sameLiteral(one[common]!, other[common]!)) {
    common++;
  }
  if (common === 0) {
    throw new ConfigError(
      'promptForPairs: sequences of this layout share no first id; pass an order, for instance "halves".',
    );
  }
  return leading(written, common);
}

/** Prompts for completing partial pairs, `[rows, length]`. */
export function promptForCompletion(layout: SequenceLayout, beginning: PartialPair): TokenBatch {
  const { captions, codes, ...rest } = resolveOptions(partialPairSchema, beginning, { path: "promptForCompletion" });
  const order = checkOrder(rest.order);
  if (codes !== undefined) {
    checkTokenBatch(codes, layout.config.codebookSize, "codes");
  }
  const count = captions?.length ?? codes?.count;
  if (count === undefined || (codes !== undefined && codes.count !== count)) {
    throw new ShapeError(
      `promptForCompletion: expected captions and codes with the same number of rows, got ${captions?.length ?? "no"} captions and ${codes?.count ?? "no"} rows of codes.`,
    );
  }
  const captionsAreWhole = order === "text-first" && codes !== undefined && captions !== undefined;
  const prompt = writeSequences(layout, { count, captions, codes, captionsAreWhole }, repeat(order, count));
  // Writing stops at the first missing id of the template; content after it would be lost silently.
  const { vocabulary } = layout;
  const written = prompt.data.reduce((sum, id) => sum + (vocabulary.modality(id) === "image" ? 1 : 0), 0);
  const textStart = layout.templates[order].findIndex((slot) => slot.kind === "text");
  if (
    written !== (codes?.data.length ?? 0) ||
    (captions !== undefined && order === "image-first" && prompt.length < textStart)
  ) {
    const { height, width } = layout.config.codeGrid;
    throw new ConfigError(
      `promptForCompletion: expected the first modality to be complete before the second begins (an image has ${height * width} codes); order "${order}", got ${captions?.length ?? "no"} captions and ${codes?.length ?? "no"} codes per row.`,
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

const partialPairSchema = fields({
  order: value<Order>("an order", (order) => order !== undefined),
  captions: optional(value<readonly string[]>("a list of captions", Array.isArray)),
  codes: optional(value<TokenBatch>("a batch of codes", (codes) => typeof codes === "object" && codes !== null)),
});
