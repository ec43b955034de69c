import { resolveOptions, text as textValue, value } from "@mmgen/core/options";
import type { SequenceLayout } from "../layouts/sequence-layout.js";
import { captionUnits, joinUnits } from "../vocabulary/captions.js";

const anyText = textValue();
const idList = value<ArrayLike<number>>(
  "a list of ids",
  (ids) => typeof ids === "object" && Number.isInteger((ids as ArrayLike<number> | null)?.length),
);

/** Ids of a text's words or characters, in reading order, without markers. */
export function encodeText({ config, vocabulary }: SequenceLayout, text: string): Int32Array {
  const units = captionUnits(resolveOptions(anyText, text, { path: "text" }), config.textUnit);
  return Int32Array.from(units, (unit, i) => vocabulary.wordId(unit, `Text, ${config.textUnit} ${i + 1}`));
}

/** The words or characters of ids; ids of markers and image codes are left out. */
export function decodeText({ config, vocabulary }: SequenceLayout, ids: ArrayLike<number>): string {
  const given = Array.from(resolveOptions(idList, ids, { path: "ids" }));
  const words = given.filter((id) => vocabulary.modality(id) === "text").map((id) => vocabulary.word(id));
  return joinUnits(words, config.textUnit);
}
