import { type CodeBatch, checkCodeBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { listOf, resolveOptions, text } from "@mmgen/core/options";
import type { Order } from "../layouts/orders.js";
import type { SequenceLayout, SequenceTemplate, TextSection } from "../layouts/sequence-layout.js";
import { captionUnits } from "../vocabulary/captions.js";

/** Content of sequences: images and captions, possibly partial. */
export interface SequenceContent {
  readonly count: number;
  readonly captions?: readonly string[] | undefined;
  /** Leading image codes, `[count, codes.length]`. */
  readonly codes?: TokenBatch | undefined;
  /** Whether the captions are complete, so that end markers and padding are written. */
  readonly captionsAreWhole: boolean;
}

/**
 * Writes each row up to the first position for which its content has no id.
 *
 * @returns `[count, length]`; rows of whole pairs have `sequenceLength` ids.
 * @throws a {@link ShapeError} when rows have different lengths, unless `cut` is set, which cuts all to the minimum
 *   length.
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
      `Expected prompts of the same length in one batch, got ${minLength} to ${maxLength} ids; split them into batches of equal length.`,
    );
  }
  return leading({ data: written, count, length: sequenceLength }, minLength);
}

/** Cuts each row to its first `length` ids. */
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

/** Flattens codes of whole images to rows; checks them against the codebook and the code grid. */
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

/** @throws a {@link ConfigError} unless it is a list of strings. */
export function checkCaptions(captions: unknown): readonly string[] {
  return resolveOptions(captionList, captions, { path: "captions" });
}

const captionList = listOf(text());

/**
 * Word ids of each caption, in reading order.
 *
 * @param whole - Whether the captions are complete, and must have the minimum number of words.
 */
export function wordIds(layout: SequenceLayout, captions: readonly string[], whole: boolean): Int32Array[] {
  const { textUnit, captionLength } = layout.config;
  const { maximum } = captionLength;
  const minimum = whole ? captionLength.minimum : 0;
  // Cached, because captions repeat: a data set of 60 000 pairs has a few thousand distinct ones.
  const known = new Map<string, Int32Array>();
  return checkCaptions(captions).map((caption, row) => {
    let ids = known.get(caption);
    if (ids === undefined) {
      const units = knownUnits(layout, caption);
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

/**
 * A caption's text units. The characters of a vocabulary of before the first release may be those of another form: e and
 * an accent in place of one "é".
 */
function knownUnits({ config, vocabulary }: SequenceLayout, caption: string): string[] {
  const units = captionUnits(caption, config.textUnit);
  const asGiven = [...caption];
  const isOlder = config.textUnit === "characters" && !vocabulary.hasWords(units) && vocabulary.hasWords(asGiven);
  return isOlder ? asGiven : units;
}

/** Content of one row. */
interface RowContent {
  /** Ids of the leading image codes. */
  readonly image: ArrayLike<number>;
  /** Ids of the leading words. */
  readonly text: ArrayLike<number>;
  /** Whether the caption is complete, so that end marker and padding are written. */
  readonly textIsWhole: boolean;
}

/** Writes ids to `out` up to the first slot without content; returns the number of ids written. */
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
