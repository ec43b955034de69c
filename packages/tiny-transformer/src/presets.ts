import { ConfigError } from "@mmgen/core";
import type { TransformerOptions } from "./transformer-config.js";

/** Names that {@link transformerPreset} knows. */
export type TransformerPreset = keyof typeof presets;

const presets = {
  /** The joint image and text model on colored digits: 49 image codes, 6 words and 3 special tokens. */
  igpt: { contextLength: 58, width: 128, heads: 4, layers: 4, dropout: 0.1 },
  /** The character model of lines that name a digit's 8 letters and its value. */
  "nanogpt-mnist": {
    vocabularySize: 50,
    contextLength: 32,
    width: 384,
    heads: 8,
    layers: 8,
    dropout: 0.2,
    bias: false,
    tiedWeights: true,
  },
} as const satisfies Record<string, Partial<TransformerOptions>>;

/**
 * A configuration by name, with the fields that it leaves open or that should differ.
 *
 * @param name - `"igpt"`, which leaves `vocabularySize` open, or `"nanogpt-mnist"`, which leaves nothing open.
 * @param overrides - What the preset leaves open, and what should differ.
 * @throws a {@link ConfigError} when there is no such preset.
 */
export function transformerPreset(name: "nanogpt-mnist", overrides?: Partial<TransformerOptions>): TransformerOptions;
export function transformerPreset(
  name: TransformerPreset,
  overrides: Partial<TransformerOptions> & Pick<TransformerOptions, "vocabularySize">,
): TransformerOptions;
export function transformerPreset(
  name: TransformerPreset,
  overrides?: Partial<TransformerOptions>,
): TransformerOptions {
  const preset: Partial<TransformerOptions> | undefined = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (!preset) {
    throw new ConfigError(`There is no preset "${name}"; there are ${Object.keys(presets).join(", ")}.`);
  }
  return { ...preset, ...overrides } as TransformerOptions;
}
