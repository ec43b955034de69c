import { type CodeBatch, checkCodeBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { captionUnits } from "./captions.js";
import { fillTemplate } from "./fill-template.js";
import type { Order } from "./orders.js";
import type { TokenizerParts } from "./tokenizer-parts.js";

/** Images and captions to write, as far as they are there. */
export interface SequenceContent {
  readonly count: number;
  readonly captions?: readonly string[] | undefined;
  /** Leading image codes, `[count, codes.length]`. */
  readonly codes?: TokenBatch | undefined;
  /** Whether the captions are whole, so that their ends may be written. */
  readonly captionsAreWhole: boolean;
}

/**
 * Writes each row up to the first place that its content leaves open.
 *
 * @returns `[count, length]`, where `length` is what the rows have in common: all rows of whole pairs are whole.
 * @throws a {@link ShapeError} when the rows break off at different lengths, unless `cut` asks for the shortest.
 */
export function writeSequences(
  parts: TokenizerParts,
  content: SequenceContent,
  orders: readonly Order[],
  { cut = false } = {},
): TokenBatch {
  const { section, sequenceLength, templates, vocabulary } = parts;
  const { captions, captionsAreWhole, codes, count } = content;
  const words = captions === undefined ? [] : wordIds(parts, captions, captionsAreWhole);
  const image = codes?.data.map((code) => code + vocabulary.image.start);
  const width = codes?.length ?? 0;
  const written = new Int32Array(count * sequenceLength);
  let [shortest, longest] = [sequenceLength, 0];
  for (let row = 0; row < count; row++) {
    const rowContent = {
      image: image?.subarray(row * width, (row + 1) * width) ?? [],
      text: words[row] ?? [],
      textIsWhole: captionsAreWhole,
    };
    const length = fillTemplate(templates[orders[row]!], section, rowContent, written, row * sequenceLength);
    shortest = Math.min(shortest, length);
    longest = Math.max(longest, length);
  }
  if (shortest < longest && !cut) {
    throw new ShapeError(
      `Rows of one batch must break off at the same place, got ${shortest} to ${longest} ids; split them into batches of equal length.`,
    );
  }
  return leading({ data: written, count, length: sequenceLength }, shortest);
}

/** The first `length` ids of each row. */
export function leading(tokens: TokenBatch, length: number): TokenBatch {
  if (length === tokens.length) {
    return tokens;
  }
  const data = new Int32Array(tokens.count * length);
  for (let row = 0; row < tokens.count; row++) {
    data.set(tokens.data.subarray(row * tokens.length, row * tokens.length + length), row * length);
  }
  return { data, count: tokens.count, length };
}

/** Codes of whole images as rows, checked against the codebook and the code grid. */
export function wholeImages(parts: TokenizerParts, codes: CodeBatch): TokenBatch {
  const { codebookSize, codeGrid } = parts.config;
  checkCodeBatch(codes, codebookSize);
  if (codes.height !== codeGrid.height || codes.width !== codeGrid.width) {
    throw new ShapeError(
      `codes: expected a grid of ${codeGrid.height}×${codeGrid.width}, got ${codes.height}×${codes.width}; this tokenizer is for another image codec.`,
    );
  }
  return { data: codes.data, count: codes.count, length: codes.height * codes.width };
}

function wordIds(parts: TokenizerParts, captions: readonly string[], whole: boolean): Int32Array[] {
  const { textUnit, captionLength } = parts.config;
  const { maximum } = captionLength;
  const minimum = whole ? captionLength.minimum : 0;
  // Captions repeat: a data set of 60 000 has a few thousand.
  const known = new Map<string, Int32Array>();
  return captions.map((caption, row) => {
    let ids = known.get(caption);
    if (ids === undefined) {
      const units = captionUnits(caption, textUnit);
      if (units.length < minimum || units.length > maximum) {
        const wanted = minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`;
        throw new GrammarError(
          `Caption ${row} (${JSON.stringify(caption.slice(0, 200))}): expected ${wanted} ${textUnit}, got ${units.length}.`,
        );
      }
      ids = Int32Array.from(units, (unit) => parts.vocabulary.wordId(unit, `Caption ${row}`));
      known.set(caption, ids);
    }
    return ids;
  });
}
