import { CheckpointError, ConfigError } from "@mmgen/core";
import type { LineFormat } from "./line-format.js";
import { checkTokenizerConfig, type TokenizerConfig } from "./tokenizer-config.js";

/** What `JSON.stringify` makes of a tokenizer. */
export interface TokenizerJson {
  readonly format: "mmgen-multimodal-tokenizer";
  readonly version: 1;
  readonly layout: string;
  readonly textUnit: string;
  readonly codebookSize: number;
  readonly codeGrid: { readonly height: number; readonly width: number };
  readonly captionLength: { readonly minimum: number; readonly maximum: number };
  readonly words: readonly string[];
  readonly aliases: readonly (readonly [alias: string, word: string])[];
  readonly nullToken: boolean;
  readonly lines?: LineFormat;
}

const format = "mmgen-multimodal-tokenizer";

/** A configuration as plain data. */
export function configToJson(config: TokenizerConfig): TokenizerJson {
  const { aliases, words, ...rest } = config;
  return { format, version: 1, ...rest, words: [...words], aliases: [...aliases] };
}

/**
 * The configuration that {@link configToJson} wrote.
 *
 * Every field is read by name and checked; anything else in the object is refused.
 *
 * @param json - The text of a file, or what `JSON.parse` made of it.
 * @throws a {@link CheckpointError} when it is malformed, of another format or version, or at odds with itself.
 */
export function configFromJson(json: unknown): TokenizerConfig {
  const root = record("tokenizer", typeof json === "string" ? parse(json) : json);
  if (root.format !== format || root.version !== 1) {
    throw new CheckpointError(
      `Not a tokenizer of this library: expected format "${format}" version 1, got ${show(root.format)} version ${show(root.version)}.`,
    );
  }
  const { layout, textUnit, aliases, lines } = root;
  onlyFields("tokenizer", root, [...fields, ...(lines === undefined ? [] : ["lines"])]);
  const grid = record("codeGrid", root.codeGrid);
  onlyFields("codeGrid", grid, ["height", "width"]);
  const length = record("captionLength", root.captionLength);
  onlyFields("captionLength", length, ["minimum", "maximum"]);
  const config: TokenizerConfig = {
    layout: text("layout", layout) as TokenizerConfig["layout"],
    textUnit: text("textUnit", textUnit) as TokenizerConfig["textUnit"],
    codebookSize: numeric("codebookSize", root.codebookSize),
    codeGrid: { height: numeric("codeGrid.height", grid.height), width: numeric("codeGrid.width", grid.width) },
    captionLength: {
      minimum: numeric("captionLength.minimum", length.minimum),
      maximum: numeric("captionLength.maximum", length.maximum),
    },
    words: list("words", root.words).map((word, i) => text(`words[${i}]`, word)),
    aliases: new Map(list("aliases", aliases).map(pair)),
    nullToken: flag("nullToken", root.nullToken),
    ...(lines === undefined ? {} : { lines: lineFormat(lines) }),
  };
  try {
    return checkTokenizerConfig(config);
  } catch (error) {
    if (ConfigError.isInstance(error)) {
      throw new CheckpointError(`The tokenizer is at odds with itself. ${error.message}`, { cause: error });
    }
    throw error;
  }
}

const fields = [
  "format",
  "version",
  "layout",
  "textUnit",
  "codebookSize",
  "codeGrid",
  "captionLength",
  "words",
  "aliases",
  "nullToken",
];

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new CheckpointError("The tokenizer is not JSON; the file is truncated or of another kind.", { cause: error });
  }
}

function lineFormat(value: unknown): LineFormat {
  const lines = record("lines", value);
  const names = ["imageFirst", "textFirst", "pad", "length", "alphabet"] as const;
  onlyFields("lines", lines, names);
  return {
    imageFirst: text("lines.imageFirst", lines.imageFirst),
    textFirst: text("lines.textFirst", lines.textFirst),
    pad: text("lines.pad", lines.pad),
    length: numeric("lines.length", lines.length),
    alphabet: text("lines.alphabet", lines.alphabet),
  };
}

function pair(value: unknown, i: number): [string, string] {
  const [alias, word, ...more] = list(`aliases[${i}]`, value);
  if (more.length > 0) {
    throw new CheckpointError(`aliases[${i}]: expected a pair, got ${more.length + 2} values.`);
  }
  return [text(`aliases[${i}][0]`, alias), text(`aliases[${i}][1]`, word)];
}

function record(name: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CheckpointError(`${name}: expected an object, got ${show(value)}.`);
  }
  return value as Record<string, unknown>;
}

function onlyFields(name: string, value: Record<string, unknown>, names: readonly string[]): void {
  const present = Object.keys(value);
  const unknown = present.filter((field) => !names.includes(field));
  const missing = names.filter((field) => !Object.hasOwn(value, field));
  if (unknown.length > 0 || missing.length > 0) {
    throw new CheckpointError(
      `${name}: expected the fields ${names.join(", ")}; missing: ${missing.join(", ") || "none"}; unknown: ${unknown.slice(0, 10).map(show).join(", ") || "none"}.`,
    );
  }
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw new CheckpointError(`${name}: expected a list, got ${show(value)}.`);
  }
  return Array.from(value);
}

function text(name: string, value: unknown): string {
  if (typeof value !== "string" || value.length > 10_000) {
    throw new CheckpointError(`${name}: expected a text of at most 10000 characters, got ${show(value)}.`);
  }
  return value;
}

function numeric(name: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new CheckpointError(`${name}: expected a whole number, got ${show(value)}.`);
  }
  return value;
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw new CheckpointError(`${name}: expected true or false, got ${show(value)}.`);
  }
  return value;
}

/** A value in an error message: short, whatever it is. */
function show(value: unknown): string {
  const shown =
    typeof value === "object" && value !== null ? (Array.isArray(value) ? "a list" : "an object") : undefined;
  return shown ?? (typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value));
}
