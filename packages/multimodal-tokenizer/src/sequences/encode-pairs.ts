import { type CodeBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";
import { chooseOrders, type OrderChoice } from "../layouts/orders.js";
import type { SequenceLayout } from "../layouts/sequence-layout.js";
import { wholeImages, writeSequences } from "./write-sequences.js";

/** Whole pairs to write as sequences. */
export interface Pairs {
  readonly codes?: CodeBatch | undefined;
  readonly captions?: readonly string[] | undefined;
  readonly order?: OrderChoice | undefined;
}

/** Writes whole pairs, `[rows, sequenceLength]`; layouts without images take no codes, those without text no captions. */
export function encodePairs(layout: SequenceLayout, pairs: Pairs): TokenBatch {
  const { order, ...rest } = resolveOptions(pairsSchema, pairs, { path: "encode" });
  if (rest.codes === undefined && layout.config.layout !== "text-only") {
    throw new ShapeError("encode: expected the codes of one image a caption, got none.");
  }
  if (rest.captions === undefined && layout.config.layout !== "image-only") {
    throw new ShapeError("encode: expected one caption per image, got none.");
  }
  const codes = wholeImages(layout, rest.codes ?? noCodes(rest.captions!.length));
  const { count } = codes;
  const captions = rest.captions ?? new Array<string>(count).fill("");
  if (count !== captions.length) {
    throw new ShapeError(`encode: expected one caption per image (${count}), got ${captions.length}.`);
  }
  return writeSequences(layout, { count, captions, codes, captionsAreWhole: true }, chooseOrders(order, count));
}

const noCodes = (count: number): CodeBatch => ({ data: new Int32Array(0), count, height: 0, width: 0 });

const pairsSchema = fields({
  codes: optional(value<CodeBatch>("a batch of codes", (codes) => typeof codes === "object" && codes !== null)),
  captions: optional(value<readonly string[]>("a list of captions", Array.isArray)),
  order: optional(
    value<OrderChoice>("an order", () => true),
    "text-first",
  ),
});
