import { type CodeBatch, checkCodeBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import type { Order } from "../layouts/orders.js";
import type { SequenceLayout, SequenceTemplate, TextSection } from "../layouts/sequence-layout.js";
import { captionUnits } from "../vocabulary/captions.js";

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
  layout: SequenceLayout,
  content: SequenceContent,
  orders: readonly Order[],
  { cut = false } = {},
): TokenBatch {
  const { section, sequenceLength, templates, vocabulary } = layout;
  const { captions, captionsAreWhole, codes, count } = content;
  const words = captions === undefined ? [] : wordIds(layout, captions, captionsAreWhole);
  const image = codes?.data.map((code) => code + vocabulary.image.start);
  const width = codes?.length ?? 0;
  const written = new Int32Array(count * sequenceLength);
  let [minLength, maxLength] = [sequenceLength, 0];
  for (let row = 0; row < count; row++) {
    const rowContent = {
      image: image?.subarray(row * width, (row + 1) * width) ?? [],
      text: words[row] ?? [],
      textIsWhole: captionsAreWhole,
    };
    const length = fillTemplate(templates[orders[row]!], section, rowContent, written.subarray(row * sequenceLength));
    minLength = Math.min(minLength, length);
    maxLength = Math.max(maxLength, length);
  }
  if (minLength < maxLength && !cut) {
    throw new ShapeError(
      `Rows of one batch must break off at the same place, got ${minLength} to ${maxLength} ids; split them into batches of equal length.`,
    );
  }
  return leading({ data: written, count, length: sequenceLength }, minLength);
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
export function wholeImages(layout: SequenceLayout, codes: CodeBatch): TokenBatch {
  const { codebookSize, codeGrid } = layout.config;
  checkCodeBatch(codes, codebookSize);
  if (codes.height !== codeGrid.height || codes.width !== codeGrid.width) {
    throw new ShapeError(
      `codes: expected a grid of ${codeGrid.height}×${codeGrid.width}, got ${codes.height}×${codes.width}; this tokenizer is for another image codec.`,
    );
  }
  return { data: codes.data, count: codes.count, length: codes.height * codes.width };
}

function wordIds(layout: SequenceLayout, captions: readonly string[], whole: boolean): Int32Array[] {
  const { textUnit, captionLength } = layout.config;
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
      ids = Int32Array.from(units, (unit) => layout.vocabulary.wordId(unit, `Caption ${row}`));
      known.set(caption, ids);
    }
    return ids;
  });
}

/** What is known of one row. */
interface RowContent {
  /** Ids of the leading image codes. */
  readonly image: ArrayLike<number>;
  /** Ids of the leading words. */
  readonly text: ArrayLike<number>;
  /** Whether the words are the whole caption, so that its end may be written. */
  readonly textIsWhole: boolean;
}

/** Writes a template into `out` up to the first slot that the content leaves open; returns how many ids were written. */
function fillTemplate(template: SequenceTemplate, section: TextSection, content: RowContent, out: Int32Array): number {
  const { image, text, textIsWhole } = content;
  for (let i = 0; i < template.length; i++) {
    const slot = template[i]!;
    if (slot.kind === "literal") {
      out[i] = slot.id;
    } else if (slot.kind === "image") {
      if (slot.index >= image.length) {
        return i;
      }
      out[i] = image[slot.index]!;
    } else {
      if (slot.index >= text.length && !textIsWhole) {
        return i;
      }
      out[i] = section.idAt(text, slot.index);
    }
  }
  return template.length;
}
