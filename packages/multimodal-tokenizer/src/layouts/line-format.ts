import { ConfigError } from "@mmgen/core";
import { type ConfigOf, fields, text, wholeNumber } from "@mmgen/core/options";
import type { CaptionLength } from "../vocabulary/captions.js";

/** Fields of {@link LineFormat}. */
export const lineFormatEntries = {
  /** Image before text, with the placeholders `{image}` and `{text}`. */
  imageFirst: text({ maxLength: 10_000 }),
  /** Text before image, with the same placeholders. */
  textFirst: text({ maxLength: 10_000 }),
  /** Fills a line up to `length`; one character. */
  pad: text({ maxLength: 10_000 }),
  /** Characters in every line, padding included. */
  length: wholeNumber(),
  /** The letter of each image code, in the order of the codes. */
  alphabet: text({ maxLength: 10_000 }),
};

/** See {@link LineFormat}. */
export const lineFormatSchema = fields(lineFormatEntries);

/** How the layout `lines` writes a pair as one line of characters. */
export type LineFormat = ConfigOf<typeof lineFormatSchema>;

/** What of a tokenizer's configuration a line has to hold. */
export interface LineContent {
  readonly captionLength: CaptionLength;
  readonly codeGrid: { readonly height: number; readonly width: number };
  readonly codebookSize: number;
  readonly words: readonly string[];
}

/** `image:ABCDEFGH, number:7.` and `number:7, image:ABCDEFGH.`, padded with `#` to 32 characters. */
export const defaultLineFormat: LineFormat = {
  imageFirst: "image:{image}, number:{text}.",
  textFirst: "number:{text}, image:{image}.",
  pad: "#",
  length: 32,
  alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
};

/** A part of a line: literal characters, `image` and `text`. */
export type LinePart = { readonly literal: string } | "image" | "text";

/** Splits a line's pattern at its placeholders. */
export function lineParts(pattern: string): LinePart[] {
  return pattern
    .split(/(\{image\}|\{text\})/u)
    .filter((part) => part !== "")
    .map((part) => (part === "{image}" ? "image" : part === "{text}" ? "text" : { literal: part }));
}

/** The distinct characters that the patterns and the padding put around the placeholders, sorted. */
export function literalCharacters(lines: LineFormat): string[] {
  const characters = new Set(lines.pad);
  for (const part of [...lineParts(lines.imageFirst), ...lineParts(lines.textFirst)]) {
    if (typeof part === "object") {
      for (const character of part.literal) {
        characters.add(character);
      }
    }
  }
  return [...characters].sort();
}

/** Throws {@link ConfigError} unless the format can write every pair, each character with one meaning. */
export function checkLineFormat(lines: LineFormat, content: LineContent): void {
  const { captionLength, codeGrid, codebookSize, words } = content;
  if (captionLength.minimum !== captionLength.maximum) {
    throw new ConfigError(
      `captionLength: lines take captions of one length, got ${captionLength.minimum} to ${captionLength.maximum}.`,
    );
  }
  if ([...lines.pad].length !== 1) {
    throw new ConfigError(`lines.pad: expected one character, got ${JSON.stringify(lines.pad)}.`);
  }
  const letters = [...lines.alphabet];
  if (letters.length < codebookSize || new Set(letters).size !== letters.length) {
    throw new ConfigError(
      `lines.alphabet: expected at least ${codebookSize} distinct letters, one a code, got "${lines.alphabet}".`,
    );
  }
  const literals = new Set(literalCharacters(lines));
  const used = letters.slice(0, codebookSize);
  for (const [name, characters] of [
    ["a letter of the alphabet", used],
    ["a character of the captions", words],
  ] as const) {
    const clash = characters.find((character) => literals.has(character));
    if (clash !== undefined) {
      throw new ConfigError(
        `lines: "${clash}" is both ${name} and part of the line itself; meanings must be disjoint.`,
      );
    }
  }
  const letterSet = new Set(used);
  const clash = words.find((word) => letterSet.has(word));
  if (clash !== undefined) {
    throw new ConfigError(`lines: "${clash}" is both a letter of the alphabet and a character of the captions.`);
  }
  for (const [name, first, second] of [
    ["imageFirst", "image", "text"],
    ["textFirst", "text", "image"],
  ] as const) {
    const parts = lineParts(lines[name]);
    const placeholders = parts.filter((part) => typeof part === "string");
    if (placeholders.length !== 2 || placeholders[0] !== first || placeholders[1] !== second) {
      throw new ConfigError(
        `lines.${name}: expected {${first}} and then {${second}}, once each, got "${lines[name]}".`,
      );
    }
    let length = codeGrid.height * codeGrid.width + captionLength.maximum;
    for (const part of parts) {
      length += typeof part === "object" ? [...part.literal].length : 0;
    }
    if (!Number.isInteger(lines.length) || lines.length > 2 ** 16 || length > lines.length) {
      throw new ConfigError(`lines.length: ${lines.length} is too short or long; ${name} needs ${length} characters.`);
    }
  }
}
