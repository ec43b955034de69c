import { ConfigError, GrammarError, type TokenBatch, VocabularyError } from "@mmgen/core";
import type { TokenizerParts } from "./tokenizer-parts.js";

/**
 * Lines of text as ids, character by character: what `describe` writes, read back.
 *
 * @throws a {@link VocabularyError} for a character that no line has; {@link GrammarError} for a line of another length.
 */
export function readLines(
  { config, sequenceLength, vocabulary }: TokenizerParts,
  lines: readonly string[],
): TokenBatch {
  if (config.layout !== "lines") {
    throw new ConfigError(`readLines: needs the layout "lines", this tokenizer's is "${config.layout}".`);
  }
  const ids = new Map(Array.from({ length: vocabulary.size }, (_, id) => [vocabulary.name(id), id] as const));
  const data = new Int32Array(lines.length * sequenceLength);
  for (const [row, line] of lines.entries()) {
    const characters = [...line];
    if (characters.length !== sequenceLength) {
      throw new GrammarError(
        `Line ${row + 1}: expected ${sequenceLength} characters, padding included, got ${characters.length}: "${line.slice(0, 80)}".`,
      );
    }
    for (const [at, character] of characters.entries()) {
      const id = ids.get(character);
      if (id === undefined) {
        throw new VocabularyError(`Line ${row + 1}, character ${at + 1}: no line has "${character}".`);
      }
      data[row * sequenceLength + at] = id;
    }
  }
  return { data, count: lines.length, length: sequenceLength };
}
