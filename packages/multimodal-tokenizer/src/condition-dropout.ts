import { type TokenBatch, VocabularyError } from "@mmgen/core";
import type { Order } from "./orders.js";
import type { SequenceTemplate } from "./sequence-template.js";
import { nullToken, type Vocabulary } from "./vocabulary.js";

/**
 * A copy of `tokens` in which the null token stands for every id of the chosen rows' first modality.
 *
 * Trained on some such rows, a model also learns what goes without a condition, which guidance needs.
 *
 * @param chosen - Which rows; absent: all.
 * @throws a {@link VocabularyError} when the vocabulary has no null token.
 * @see Ho and Salimans 2022, https://arxiv.org/abs/2207.12598
 */
export function dropCondition(
  tokens: TokenBatch,
  templates: Readonly<Record<Order, SequenceTemplate>>,
  vocabulary: Vocabulary,
  chosen: (row: number) => boolean = () => true,
): TokenBatch {
  if (!vocabulary.hasSpecial(nullToken)) {
    throw new VocabularyError("This tokenizer has no null token; create it with nullToken: true to drop conditions.");
  }
  const id = vocabulary.specialId(nullToken);
  const { count, length } = tokens;
  const data = tokens.data.slice();
  for (let row = 0; row < count; row++) {
    if (!chosen(row)) {
      continue;
    }
    const ids = data.subarray(row * length, (row + 1) * length);
    const first = ids.find((each) => each === id || vocabulary.modality(each) !== "special");
    if (first === undefined || first === id) {
      continue;
    }
    const kind = vocabulary.modality(first) === "text" ? "text" : "image";
    const template = templates[kind === "text" ? "text-first" : "image-first"];
    for (let i = 0; i < length; i++) {
      if (template[i]?.kind === kind) {
        ids[i] = id;
      }
    }
  }
  return { data, count, length };
}
