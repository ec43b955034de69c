import { lineParts } from "./line-format.js";
import { allOrders, type Order } from "./orders.js";
import type { TokenizerConfig } from "./tokenizer-config.js";
import type { Vocabulary } from "./vocabulary.js";

/**
 * One position of a layout: a fixed id, the image's `index`-th code, or the caption's `index`-th place.
 *
 * Captions of varying length have one place more than the longest has words: words, an end marker, padding.
 */
export type Slot =
  | { readonly kind: "literal"; readonly id: number }
  | { readonly kind: "image" | "text"; readonly index: number };

/** A layout in one order, position by position. */
export type SequenceTemplate = readonly Slot[];

/** The templates of a configuration, by order; both have the same length. */
export function sequenceTemplates(
  config: TokenizerConfig,
  vocabulary: Vocabulary,
): Readonly<Record<Order, SequenceTemplate>> {
  const { captionLength, codeGrid } = config;
  const image = section("image", codeGrid.height * codeGrid.width);
  const varies = captionLength.minimum < captionLength.maximum;
  const text = section("text", captionLength.maximum + (varies ? 1 : 0));
  const literal = (name: string): Slot => ({ kind: "literal", id: vocabulary.specialId(name) });
  const template = (order: Order): SequenceTemplate => {
    const imageFirst = order === "image-first";
    if (config.lines !== undefined) {
      const { lines } = config;
      const slots = lineParts(imageFirst ? lines.imageFirst : lines.textFirst).flatMap((part) =>
        part === "image" ? image : part === "text" ? text : [...part.literal].map(literal),
      );
      while (slots.length < lines.length) {
        slots.push(literal(lines.pad));
      }
      return slots;
    }
    const [bos, eoi, eot] = [literal("<bos>"), literal("<eoi>"), literal("<eot>")];
    if (config.layout === "switch") {
      return imageFirst ? [bos, eot, ...image, eoi, ...text] : [bos, eoi, ...text, eot, ...image];
    }
    return imageFirst ? [bos, ...image, eoi, ...text, eot] : [bos, ...text, eot, ...image, eoi];
  };
  const [textFirst, imageFirst] = allOrders.map(template);
  return { "text-first": textFirst!, "image-first": imageFirst! };
}

function section(kind: "image" | "text", length: number): Slot[] {
  return Array.from({ length }, (_, index) => ({ kind, index }));
}
