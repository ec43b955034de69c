import {
  type CodeBatch,
  ConfigError,
  checkTokenBatch,
  GrammarError,
  ShapeError,
  type TokenBatch,
  VocabularyError,
} from "@mmgen/core";
import type { Order } from "../layouts/orders.js";
import type { SequenceLayout, SequenceTemplate, TextSection } from "../layouts/sequence-layout.js";
import { captionUnits, joinUnits } from "../vocabulary/captions.js";
import type { Vocabulary } from "../vocabulary/vocabulary.js";

/** Decoded pairs of image codes and captions, and the order of each row. */
export interface DecodedSequences {
  readonly codes: CodeBatch;
  readonly captions: string[];
  readonly order: Order[];
}

/** Decodes whole sequences; throws {@link GrammarError} with the row and position of an illegal id. */
export function decodeSequences(layout: SequenceLayout, tokens: TokenBatch): DecodedSequences {
  const { config, sequenceLength, vocabulary } = layout;
  checkTokenBatch(tokens, vocabulary.size);
  if (tokens.length !== sequenceLength) {
    throw new ShapeError(`decode: expected whole sequences of ${sequenceLength} ids, got ${tokens.length}.`);
  }
  const { height, width } = config.codeGrid;
  const data = new Int32Array(tokens.count * height * width);
  const captions: string[] = [];
  const orders: Order[] = [];
  for (let row = 0; row < tokens.count; row++) {
    const { order, image, text } = readRow(layout, tokens.data.subarray(row * sequenceLength), row);
    for (let i = 0; i < image.length; i++) {
      data[row * height * width + i] = image[i]! - vocabulary.image.start;
    }
    const words = text.map((id) => vocabulary.word(id));
    captions.push(joinUnits(words, config.textUnit));
    orders.push(order);
  }
  return { codes: { data, count: tokens.count, height, width }, captions, order: orders };
}

function readRow(
  { orders, section, templates, vocabulary }: SequenceLayout,
  ids: ArrayLike<number>,
  row: number,
): { order: Order; image: readonly number[]; text: readonly number[] } {
  let maxPosition = 0;
  for (const order of orders) {
    const match = matchTemplate(templates[order], vocabulary, section, ids);
    if (match.matches) {
      return { order, image: match.image, text: match.text };
    }
    maxPosition = Math.max(maxPosition, match.position);
  }
  throw new GrammarError(
    `Row ${row}, position ${maxPosition}: ${vocabulary.modality(ids[maxPosition]!)} id ${ids[maxPosition]} (${vocabulary.name(ids[maxPosition]!)}) is not legal there in this layout.`,
  );
}

/** Ids of a row that matches a template, or the first position at which it does not match. */
type TemplateMatch =
  | { readonly matches: true; readonly image: readonly number[]; readonly text: readonly number[] }
  | { readonly matches: false; readonly position: number };

/** Matches the ids of a row against a template; image and word ids are in reading order. */
function matchTemplate(
  template: SequenceTemplate,
  vocabulary: Vocabulary,
  section: TextSection,
  ids: ArrayLike<number>,
): TemplateMatch {
  const image: number[] = [];
  const text: number[] = [];
  let ended = false;
  const inside = (id: number, { start, count }: { start: number; count: number }) => id >= start && id < start + count;
  for (let position = 0; position < template.length; position++) {
    const slot = template[position]!;
    const id = ids[position]!;
    if (slot.kind === "literal" ? id !== slot.id : slot.kind === "image" && !inside(id, vocabulary.image)) {
      return { matches: false, position };
    }
    if (slot.kind === "image") {
      image.push(id);
    } else if (slot.kind === "text") {
      const choice: { ends: boolean } | undefined = section
        .choices(slot.index, ended)
        .find((range) => inside(id, range));
      if (choice === undefined) {
        return { matches: false, position };
      }
      ended ||= choice.ends;
      if (!ended) {
        text.push(id);
      }
    }
  }
  return { matches: true, image, text };
}

/** Rows as text: words, numbers (or letters) of codes, and names of special tokens. */
export function describeSequences({ config, vocabulary }: SequenceLayout, tokens: TokenBatch): string[] {
  checkTokenBatch(tokens, vocabulary.size);
  const { data, count, length } = tokens;
  const blank = config.layout === "lines" ? "" : " ";
  return Array.from({ length: count }, (_, row) =>
    Array.from(data.subarray(row * length, (row + 1) * length), (id) => vocabulary.name(id)).join(blank),
  );
}

/**
 * Parses lines of text, as `describe` writes them, to ids, character by character.
 *
 * @throws a {@link VocabularyError} for a character that is not in the vocabulary; {@link GrammarError} for a line of
 *   another length.
 */
export function readLines(
  { config, sequenceLength, vocabulary }: SequenceLayout,
  lines: readonly string[],
): TokenBatch {
  if (config.layout !== "lines") {
    throw new ConfigError(`readLines: expected a tokenizer with layout "lines", got "${config.layout}".`);
  }
  const ids = new Map(Array.from({ length: vocabulary.size }, (_, id) => [vocabulary.name(id), id] as const));
  const data = new Int32Array(lines.length * sequenceLength);
  for (const [row, line] of lines.entries()) {
    const characters = captionUnits(line, "characters");
    if (characters.length !== sequenceLength) {
      throw new GrammarError(
        `Line ${row + 1}: expected ${sequenceLength} characters, padding included, got ${characters.length}: "${line.slice(0, 80)}".`,
      );
    }
    for (const [at, character] of characters.entries()) {
      const id = ids.get(character);
      if (id === undefined) {
        throw new VocabularyError(`Line ${row + 1}, character ${at + 1}: "${character}" is not in the vocabulary.`);
      }
      data[row * sequenceLength + at] = id;
    }
  }
  return { data, count: lines.length, length: sequenceLength };
}
