import { CheckpointError, ConfigError, describeValue, parseJson } from "@mmgen/core";
import { fields, resolveOptions, value } from "@mmgen/core/options";
import type { LineFormat } from "../layouts/line-format.js";
import { checkTokenizerConfig, type TokenizerConfig, tokenizerConfigEntries } from "./tokenizer-config.js";

/** JSON form of a tokenizer. */
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
  /** Present where there is one. */
  readonly maskToken?: true;
  readonly lines?: LineFormat;
}

const format = "mmgen-multimodal-tokenizer";

const jsonSchema = fields({
  format: value<string>(`"${format}"`, (candidate) => candidate === format),
  version: value<number>("1", (candidate) => candidate === 1),
  ...tokenizerConfigEntries,
});

/** Converts a configuration to plain data. */
export function configToJson(config: TokenizerConfig): TokenizerJson {
  const { aliases, maskToken, words, ...rest } = config;
  const mask = maskToken && ({ maskToken } as const);
  return { format, version: 1, ...rest, words: [...words], aliases: [...aliases], ...mask };
}

/**
 * Reads a configuration that {@link configToJson} wrote.
 *
 * Every field is checked; unknown fields are refused.
 *
 * @param json - Text of a file, or the result of `JSON.parse`.
 * @throws a {@link CheckpointError} when it is malformed, of another format or version, or its fields
 *   conflict.
 */
export function configFromJson(json: unknown): TokenizerConfig {
  const root = typeof json === "string" ? parse(json) : json;
  try {
    checkFormat(root);
    const { format: _, version, aliases, ...rest } = resolveOptions(jsonSchema, root, { path: "tokenizer" });
    const pairs = aliases.map(([alias, word]) => [alias!, word!] as const);
    const { layout, textUnit, codebookSize, codeGrid, captionLength, words, nullToken, maskToken, lines } = rest;
    const config = {
      layout,
      textUnit,
      codebookSize,
      codeGrid,
      captionLength,
      words,
      aliases: new Map(pairs),
      nullToken,
      maskToken,
    };
    return checkTokenizerConfig({ ...config, ...(lines && { lines }) });
  } catch (error) {
    if (ConfigError.isInstance(error)) {
      throw new CheckpointError(`The tokenizer's file cannot be used. ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Throws one error for a file of another format, rather than one for each of its fields. */
function checkFormat(root: unknown): void {
  const { format: found, version } = readFormat(root);
  if (found !== format || version !== 1) {
    throw new CheckpointError(
      `Not a tokenizer of this library: expected format "${format}" version 1, got ${describeValue(found)} version ${describeValue(version)}.`,
    );
  }
}

function readFormat(root: unknown): { readonly format?: unknown; readonly version?: unknown } {
  try {
    const { format, version } = (root ?? {}) as { readonly format?: unknown; readonly version?: unknown };
    return { format, version };
  } catch {
    // The value has a getter that throws.
    return {};
  }
}

function parse(json: string): unknown {
  const { value: root, problem } = parseJson(json, { maxDepth: 8 });
  if (problem !== undefined) {
    throw new CheckpointError(`The tokenizer ${problem}; the file is truncated or of another kind.`);
  }
  return root;
}
