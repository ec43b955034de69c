import { type CodeBatch, checkTokenBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { joinUnits } from "./captions.js";
import { matchTemplate } from "./match-template.js";
import { allOrders, type Order } from "./orders.js";
import type { TokenizerParts } from "./tokenizer-parts.js";

/** Images, their captions, and which of the two stood first in each row. */
export interface DecodedSequences {
  readonly codes: CodeBatch;
  readonly captions: string[];
  readonly orders: Order[];
}

/** Reads whole sequences back; {@link GrammarError} names the row and position that no pair can have. */
export function splitSequences(parts: TokenizerParts, tokens: TokenBatch): DecodedSequences {
  const { config, sequenceLength, vocabulary } = parts;
  checkTokenBatch(tokens, vocabulary.size);
  if (tokens.length !== sequenceLength) {
    throw new ShapeError(`decode: expected whole sequences of ${sequenceLength} ids, got ${tokens.length}.`);
  }
  const { height, width } = config.codeGrid;
  const data = new Int32Array(tokens.count * height * width);
  const captions: string[] = [];
  const orders: Order[] = [];
  for (let row = 0; row < tokens.count; row++) {
    const { order, image, text } = readRow(parts, tokens.data.subarray(row * sequenceLength), row);
    for (let i = 0; i < image.length; i++) {
      data[row * height * width + i] = image[i]! - vocabulary.image.start;
    }
    const words = text.map((id) => vocabulary.word(id));
    captions.push(joinUnits(words, config.textUnit));
    orders.push(order);
  }
  return { codes: { data, count: tokens.count, height, width }, captions, orders };
}

function readRow(
  { section, templates, vocabulary }: TokenizerParts,
  ids: ArrayLike<number>,
  row: number,
): { order: Order; image: readonly number[]; text: readonly number[] } {
  let furthest = 0;
  for (const order of allOrders) {
    const match = matchTemplate(templates[order], vocabulary, section, ids);
    if (match.matches) {
      return { order, image: match.image, text: match.text };
    }
    furthest = Math.max(furthest, match.position);
  }
  throw new GrammarError(
    `Row ${row}, position ${furthest}: ${vocabulary.modality(ids[furthest]!)} id ${ids[furthest]} (${vocabulary.name(ids[furthest]!)}) cannot stand there in this layout.`,
  );
}
