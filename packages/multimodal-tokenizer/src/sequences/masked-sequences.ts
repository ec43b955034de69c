import {
  type CodeBatch,
  ConfigError,
  checkTokenBatch,
  ShapeError,
  type TokenBatch,
  VocabularyError,
} from "@mmgen/core";
import { boolean, fields, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import type { Order } from "../layouts/orders.js";
import type { SequenceLayout } from "../layouts/sequence-layout.js";
import { endToken, maskToken, padToken } from "../vocabulary/vocabulary.js";
import { checkCaptions, wholeImages, wordIds } from "./write-sequences.js";

/** What is known of pairs; the rest is masked. */
export interface MaskedContent {
  /** Number of rows; needed only where neither captions nor codes are given. Default: that of the captions or codes. */
  readonly count?: number | undefined;
  /** A caption a row, or its first words. Default: all places of the text are masked. */
  readonly captions?: readonly string[] | undefined;
  /** Whether these are whole captions, so that what follows them is known too. Default true. */
  readonly captionsAreWhole?: boolean | undefined;
  /** Whole images as codes. Default: all places of the image are masked. */
  readonly codes?: CodeBatch | undefined;
  /** 1 for each code that is known, `[codes]` for all rows or `[rows, codes]`. Default: all codes are. */
  readonly knownCodes?: Uint8Array | undefined;
}

/** Sequences in which `<mask>` stands for what is not known. */
export interface MaskedSequences {
  /** `[rows, sequenceLength]`. */
  readonly ids: TokenBatch;
  /** 1 at markers and at what was given, `[rows, sequenceLength]`. */
  readonly known: Uint8Array;
}

/** Writes what is known of pairs, and a mask token at every other place. */
export function maskedSequences(layout: SequenceLayout, content: MaskedContent, order: Order): MaskedSequences {
  const { section, sequenceLength: length, templates, vocabulary } = layout;
  if (!vocabulary.hasSpecial(maskToken)) {
    throw new VocabularyError("This tokenizer has no mask token; create it with maskToken: true.");
  }
  const resolved = resolveOptions(maskedContentSchema, content, { path: "maskedSequences" });
  const { captions, captionsAreWhole } = resolved;
  const codes = resolved.codes && wholeImages(layout, resolved.codes);
  const count = rowsOf(resolved);
  const isKnown = codes && knownCodes(resolved.knownCodes, codes);
  const words = captions && wordIds(layout, checkCaptions(captions), captionsAreWhole);
  const unknown = vocabulary.specialId(maskToken);
  const data = new Int32Array(count * length).fill(unknown);
  for (let row = 0; row < count; row++) {
    const text = words?.[row];
    templates[order].forEach((slot, at) => {
      const id = row * length + at;
      if (slot.kind === "literal") {
        data[id] = slot.id;
      } else if (slot.kind === "image") {
        const code = row * codesOf(layout) + slot.index;
        data[id] = isKnown?.(row, slot.index) ? codes!.data[code]! + vocabulary.image.start : unknown;
      } else if (text !== undefined && (captionsAreWhole || slot.index < text.length)) {
        data[id] = section.idAt(text, slot.index);
      }
    });
  }
  return { ids: { data, count, length }, known: Uint8Array.from(data, (id) => Number(id !== unknown)) };
}

/**
 * Ends each caption at its first end marker or padding: what follows becomes padding.
 *
 * A model that fills in all places at once, each with an id that is legal there, may leave words behind a caption's end.
 *
 * @returns A copy; yours.
 */
export function endCaptions(layout: SequenceLayout, tokens: TokenBatch, order: Order): TokenBatch {
  const { sequenceLength, templates, vocabulary } = layout;
  checkTokenBatch(tokens, vocabulary.size);
  if (tokens.length !== sequenceLength) {
    throw new ShapeError(`endCaptions: expected whole sequences of ${sequenceLength} ids, got ${tokens.length}.`);
  }
  const data = tokens.data.slice();
  if (!vocabulary.hasSpecial(endToken)) {
    return { ...tokens, data };
  }
  const [end, pad] = [vocabulary.specialId(endToken), vocabulary.specialId(padToken)];
  const places = templates[order].flatMap((slot, at) => (slot.kind === "text" ? [at] : []));
  for (let row = 0; row < tokens.count; row++) {
    let hasEnded = false;
    for (const place of places) {
      const at = row * sequenceLength + place;
      if (hasEnded) {
        data[at] = pad;
      } else if (data[at] === end || data[at] === pad) {
        data[at] = end;
        hasEnded = true;
      }
    }
  }
  return { ...tokens, data };
}

function rowsOf({ captions, codes, count }: MaskedContent): number {
  const given = captions?.length ?? codes?.count ?? count;
  if (given === undefined) {
    throw new ConfigError("maskedSequences: expected captions, codes or a count, got none of them.");
  }
  if ((codes?.count ?? given) !== given || (count ?? given) !== given) {
    throw new ShapeError(
      `maskedSequences: expected as many rows of each, got ${captions?.length ?? "no"} captions, ${codes?.count ?? "no"} images and count ${count ?? "none"}.`,
    );
  }
  return given;
}

/** Whether a row's code is known. */
function knownCodes(
  mask: Uint8Array | undefined,
  { count, length }: TokenBatch,
): (row: number, code: number) => boolean {
  if (mask === undefined) {
    return () => true;
  }
  if (mask.length !== length && mask.length !== count * length) {
    throw new ShapeError(
      `maskedSequences.knownCodes: expected one value a code, ${length} for all rows or ${count * length} in all, got ${mask.length}.`,
    );
  }
  const stride = mask.length === length ? 0 : length;
  return (row, code) => mask[row * stride + code] !== 0;
}

function codesOf({ config }: SequenceLayout): number {
  return config.codeGrid.height * config.codeGrid.width;
}

const maskedContentSchema = fields({
  count: optional(wholeNumber({ min: 0, max: 2 ** 24 })),
  captions: optional(value<readonly string[]>("a list of captions", Array.isArray)),
  captionsAreWhole: optional(boolean(), true),
  codes: optional(value<CodeBatch>("a batch of codes", (codes) => typeof codes === "object" && codes !== null)),
  knownCodes: optional(value<Uint8Array>("a Uint8Array", (mask) => mask instanceof Uint8Array)),
});
