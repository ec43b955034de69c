import type { Layout, TokenizerConfig } from "../tokenizer/tokenizer-config.js";
import type { CaptionLength } from "../vocabulary/captions.js";
import { endToken, type IdRange, maskToken, nullToken, padToken, Vocabulary } from "../vocabulary/vocabulary.js";
import { lineParts } from "./line-format.js";
import { allOrders, type Order } from "./orders.js";

/** Layout of sequences: the vocabulary, and which ids may stand at each position in either order. */
export interface SequenceLayout {
  readonly config: TokenizerConfig;
  readonly vocabulary: Vocabulary;
  readonly section: TextSection;
  readonly templates: Readonly<Record<Order, SequenceTemplate>>;
  /** Orders whose templates differ: both, or the one of a layout that has but one. */
  readonly orders: readonly Order[];
  /** For each order and position: whether the position belongs to the modality that comes first, before another. */
  readonly firstHalves: Readonly<Record<Order, readonly boolean[]>>;
  /** Number of ids in a whole sequence, the same for both orders. */
  readonly sequenceLength: number;
}

/** Builds the layout of a checked configuration. */
export function sequenceLayout(config: TokenizerConfig): SequenceLayout {
  const vocabulary = new Vocabulary(config);
  const templates = sequenceTemplates(config, vocabulary);
  return {
    config,
    vocabulary,
    section: new TextSection(config.captionLength, vocabulary),
    templates,
    orders: singleOrders[config.layout] ?? allOrders,
    firstHalves: {
      "text-first": firstHalf(templates["text-first"]),
      "image-first": firstHalf(templates["image-first"]),
    },
    sequenceLength: templates["text-first"].length,
  };
}

/** Layouts whose sequences are written in one way, and the order that it counts as. */
const singleOrders: Readonly<Partial<Record<Layout, readonly Order[]>>> = {
  "text-only": ["text-first"],
  "image-only": ["image-first"],
  class: ["text-first"],
};

/**
 * Position of a layout: a fixed id, the `index`-th code of the image, or the `index`-th place of the caption.
 *
 * Captions of varying length have one place more than the maximum number of words: words, an end marker, padding.
 */
export type Slot =
  | { readonly kind: "literal"; readonly id: number }
  | { readonly kind: "image" | "text"; readonly index: number };

/** Slots of a sequence in one order, by position. */
export type SequenceTemplate = readonly Slot[];

/** Builds the templates of a configuration, by order; both have the same length. */
function sequenceTemplates(config: TokenizerConfig, vocabulary: Vocabulary): Readonly<Record<Order, SequenceTemplate>> {
  const { captionLength, codeGrid } = config;
  const image = places("image", codeGrid.height * codeGrid.width);
  const varies = captionLength.minimum < captionLength.maximum;
  const text = places("text", captionLength.maximum + (varies ? 1 : 0));
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
    if (config.layout === "text-only") {
      return [literal("<bos>"), ...text, literal("<eot>")];
    }
    if (config.layout === "image-only" || config.layout === "class") {
      return [literal("<bos>"), ...text, ...image];
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

function places(kind: "image" | "text", length: number): Slot[] {
  return Array.from({ length }, (_, index) => ({ kind, index }));
}

/**
 * Rules of a caption's section: which ids may stand at each place.
 *
 * Captions of one length hold words only. Captions of varying length hold words, one end marker, then padding.
 */
export class TextSection {
  /** Number of ids in a section, padding included. */
  readonly length: number;
  readonly #bounds: CaptionLength;
  readonly #text: { readonly start: number; readonly count: number };
  readonly #end: number | undefined;
  readonly #pad: number | undefined;

  constructor(bounds: CaptionLength, vocabulary: Vocabulary) {
    const varies = bounds.minimum < bounds.maximum;
    this.length = bounds.maximum + (varies ? 1 : 0);
    this.#bounds = bounds;
    this.#text = vocabulary.text;
    this.#end = varies ? vocabulary.specialId(endToken) : undefined;
    this.#pad = varies ? vocabulary.specialId(padToken) : undefined;
  }

  /**
   * Ranges of legal ids at place `index`, before or after the end marker; `ends` is true for the end marker's range.
   */
  choices(index: number, ended: boolean): { start: number; count: number; ends: boolean }[] {
    if (ended) {
      return [{ start: this.#pad!, count: 1, ends: false }];
    }
    const choices = [];
    if (index < this.#bounds.maximum) {
      choices.push({ ...this.#text, ends: false });
    }
    if (this.#end !== undefined && index >= this.#bounds.minimum) {
      choices.push({ start: this.#end, count: 1, ends: true });
    }
    return choices;
  }

  /**
   * Ids that are legal at place `index` of some caption, as one range; undefined where they are more than one, which a
   * vocabulary with a mask token avoids.
   */
  range(index: number): IdRange | undefined {
    const mayBeOver = this.#pad !== undefined && index > this.#bounds.minimum;
    const choices = [...this.choices(index, false), ...(mayBeOver ? this.choices(index, true) : [])];
    const sorted = choices.sort((a, b) => a.start - b.start);
    const start = sorted[0]!.start;
    const count = sorted.reduce((sum, choice) => sum + choice.count, 0);
    const last = sorted.at(-1)!;
    return last.start + last.count === start + count ? { start, count } : undefined;
  }

  /** Id at place `index` of a whole caption with these word ids. */
  idAt(words: ArrayLike<number>, index: number): number {
    return index < words.length ? words[index]! : index === words.length ? this.#end! : this.#pad!;
  }
}

/**
 * Detects the order of a sequence, or of the beginning of one; null tokens may replace its first modality.
 *
 * @returns `undefined` when the ids begin sequences of both orders, such as `<bos>`, or of neither.
 */
export function sequenceOrder(
  { firstHalves, orders, templates, vocabulary }: SequenceLayout,
  ids: ArrayLike<number>,
): Order | undefined {
  const isLegal = (order: Order, at: number) =>
    mayStand(ids[at]!, templates[order][at], firstHalves[order][at], vocabulary);
  if (orders.length === 1) {
    const order = orders[0]!;
    return Array.from(ids, (_, at) => isLegal(order, at)).every(Boolean) ? order : undefined;
  }
  for (let at = 0; at < ids.length; at++) {
    const possible = orders.filter((order) => isLegal(order, at));
    // Both orders allow every id before this one.
    if (possible.length < 2) {
      return possible[0];
    }
  }
  return undefined;
}

/** For each position of a template: whether it belongs to the modality that comes first, before another. */
function firstHalf(template: readonly Slot[]): boolean[] {
  const kinds = new Set(template.map((slot) => slot.kind).filter((kind) => kind !== "literal"));
  const [first] = kinds;
  return template.map((slot) => kinds.size === 2 && slot.kind === first);
}

function mayStand(id: number, slot: Slot | undefined, inFirstHalf: boolean | undefined, vocabulary: Vocabulary) {
  if (slot === undefined || slot.kind === "literal") {
    return slot?.id === id;
  }
  const modality = vocabulary.modality(id);
  if (modality !== "special") {
    return modality === slot.kind;
  }
  const name = vocabulary.name(id);
  if (name === maskToken) {
    return true;
  }
  return name === nullToken ? inFirstHalf : slot.kind === "text" && (name === endToken || name === padToken);
}
