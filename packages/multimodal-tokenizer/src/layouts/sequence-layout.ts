import type { TokenizerConfig } from "../tokenizer/tokenizer-config.js";
import type { CaptionLength } from "../vocabulary/captions.js";
import { endToken, nullToken, padToken, Vocabulary } from "../vocabulary/vocabulary.js";
import { lineParts } from "./line-format.js";
import { allOrders, type Order } from "./orders.js";

/** Layout of sequences: the vocabulary, and which ids may stand at each position in either order. */
export interface SequenceLayout {
  readonly config: TokenizerConfig;
  readonly vocabulary: Vocabulary;
  readonly section: TextSection;
  readonly templates: Readonly<Record<Order, SequenceTemplate>>;
  /** For each order and position: whether the position belongs to the modality that comes first. */
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
    firstHalves: {
      "text-first": firstHalf(templates["text-first"]),
      "image-first": firstHalf(templates["image-first"]),
    },
    sequenceLength: templates["text-first"].length,
  };
}

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
  { firstHalves, templates, vocabulary }: SequenceLayout,
  ids: ArrayLike<number>,
): Order | undefined {
  for (let at = 0; at < ids.length; at++) {
    const possible = allOrders.filter((order) =>
      mayStand(ids[at]!, templates[order][at], firstHalves[order][at], vocabulary),
    );
    // Both orders allow every id before this one.
    if (possible.length < 2) {
      return possible[0];
    }
  }
  return undefined;
}

/** For each position of a template: whether it belongs to the modality that comes first. */
function firstHalf(template: readonly Slot[]): boolean[] {
  const first = template.find((slot) => slot.kind !== "literal")!.kind;
  return template.map((slot) => slot.kind === first);
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
  return name === nullToken ? inFirstHalf : slot.kind === "text" && (name === endToken || name === padToken);
}
