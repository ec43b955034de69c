import { type TokenBatch, VocabularyError } from "@mmgen/core";
import { sequenceOrder } from "./sequence-order.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { nullToken } from "./vocabulary.js";

/**
 * A copy of `tokens` in which the null token stands in every place of the chosen rows' first modality, an end marker's and
 * padding's included. Rows that tell no order, such as `<bos>` alone, stay as they are.
 *
 * Trained on some such rows, a model also learns what goes without a condition, which guidance needs.
 *
 * @param chosen - Which rows; absent: all.
 * @throws a {@link VocabularyError} when the vocabulary has no null token.
 * @see Ho and Salimans 2022, https://arxiv.org/abs/2207.12598
 */
export function dropCondition(
  parts: TokenizerParts,
  tokens: TokenBatch,
  chosen: (row: number) => boolean = () => true,
): TokenBatch {
  const { firstHalves, vocabulary } = parts;
  if (!vocabulary.hasSpecial(nullToken)) {
    throw new VocabularyError("This tokenizer has no null token; create it with nullToken: true to drop conditions.");
  }
  const nothing = vocabulary.specialId(nullToken);
  const { count, length } = tokens;
  const data = tokens.data.slice();
  for (let row = 0; row < count; row++) {
    const ids = data.subarray(row * length, (row + 1) * length);
    const order = chosen(row) ? sequenceOrder(parts, ids) : undefined;
    for (let i = 0; order !== undefined && i < length; i++) {
      if (firstHalves[order][i]) {
        ids[i] = nothing;
      }
    }
  }
  return { data, count, length };
}
