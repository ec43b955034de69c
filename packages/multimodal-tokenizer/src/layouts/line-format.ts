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
  /** Letter of each image code, in the order of the codes. */
  alphabet: text({ maxLength: 10_000 }),
};

/** See {@link LineFormat}. */
export const lineFormatSchema = fields(lineFormatEntries);

/** How the layout `lines` writes a pair as one line of characters. */
export type LineFormat = ConfigOf<typeof lineFormatSchema>;

/** Fields of a tokenizer's configuration that a line must be able to represent. */
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

/** Part of a line: literal characters, or the placeholder `image` or `text`. */
export type LinePart = { readonly literal: string } | "image" | "text";

/** Splits the pattern of a line at its placeholders. */
export function lineParts(pattern: string): LinePart[] {
  return pattern
    .split(/(\{image\}|\{text\})/u)
    .filter((part) => part !== "")
    .map((part) => (part === "{image}" ? "image" : part === "{text}" ? "text" : { literal: part }));
}

/** Distinct literal characters of both patterns and the padding, sorted. */
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

/** Throws {@link ConfigError} unless the format can write every pair and each character has one meaning. */
export function checkLineFormat(lines: LineFormat, content: LineContent): void {
  const { captionLength, codeGrid, codebookSize, words } = content;
  if (captionLength.minimum !== captionLength.maximum) {
    throw new ConfigError(
      `captionLength: expected captions of one length in the layout "lines", got ${captionLength.minimum} to ${captionLength.maximum}.`,
    );
  }
  if ([...lines.pad].length !== 1) {
    throw new ConfigError(`lines.pad: expected one character, got ${JSON.stringify(lines.pad)}.`);
  }
  const letters = [...lines.alphabet];
  if (letters.length < codebookSize || new Set(letters).size !== letters.length) {
    throw new ConfigError(
      `lines.alphabet: expected at least ${codebookSize} distinct letters, one per code, got "${lines.alphabet}".`,
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
        `lines: "${clash}" is both ${name} and a literal character of the line; each character must have one meaning.`,
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
      throw new ConfigError(
        `lines.length: expected a whole number from ${length} (needed by ${name}) to ${2 ** 16}, got ${lines.length}.`,
      );
    }
  }
}
