import { CheckpointError, type ModelFile } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";
import type { ModelFormat, WeightNames } from "@mmgen/nn/layers";
import {
  resolveTransformer,
  type TransformerConfig,
  type TransformerOptions,
  transformerSchema,
} from "./transformer-config.js";
import { parameterCount } from "./transformer-memory.js";

/** File format of a transformer. Legacy files without `kind` hold the same configuration and weights. */
export const transformerFormat: ModelFormat = {
  kind: "mmgen.tiny-transformer",
  version: 1,
  legacy: { field: "model", value: "@mmgen/tiny-transformer" },
};

/**
 * Reads the configuration of a transformer's file.
 *
 * The number of weights is checked against the configuration before anything is allocated.
 *
 * @throws a {@link CheckpointError} when the number of weights differs; a `ConfigError` when the configuration
 *   is not valid.
 */
export function readTransformerConfig({ config: written, tensors }: ModelFile): TransformerConfig {
  const config = resolveTransformer(withoutLaterDefaults(written as TransformerOptions));
  const expected = parameterCount(config);
  let found = 0;
  for (const { shape } of tensors.values()) {
    found += shape.reduce((product, side) => product * side, 1);
  }
  if (found !== expected) {
    throw new CheckpointError(
      `The file is damaged or was edited: expected ${expected} parameters by its configuration, got ${found}.`,
    );
  }
  return config;
}

/** Files without `learnedPositions` are of models without them. */
function withoutLaterDefaults(written: TransformerOptions): TransformerOptions {
  return written instanceof Object ? { learnedPositions: false, ...written } : written;
}

/** Options of `TinyTransformer.loadPyTorch`: information that a PyTorch file does not contain. */
export interface PyTorchOptions {
  /**
   * Configuration of the model in the file. nanoGPT and GPT-2 have `tiedWeights: true`; a nanoGPT trained with
   * `bias=False` has `bias: false`.
   */
  readonly config: TransformerOptions;
  /** Names of the file's weights; {@link nanoGptNames} when absent. */
  readonly names?: WeightNames | undefined;
}

const namesSchema = optional(value<WeightNames>("an object of weight names", (names) => names instanceof Object));

/** Validates {@link PyTorchOptions} and fills in the defaults. */
export function resolvePyTorch(options: PyTorchOptions) {
  const schema = fields({ config: transformerSchema, names: namesSchema });
  const { config, names = nanoGptNames } = resolveOptions(schema, options);
  return { config, names };
}

/** Validates the options of `TinyTransformer.savePyTorch`. */
export function resolveNames(options: Pick<PyTorchOptions, "names">): WeightNames {
  return resolveOptions(fields({ names: namesSchema }), options).names ?? nanoGptNames;
}

/**
 * Weight names of nanoGPT, the same as in this package. Biases may be absent (`bias=False`) and are then 0 in a model
 * that has them; the causal mask is ignored.
 *
 * @see https://github.com/karpathy/nanoGPT/blob/master/model.py
 */
export const nanoGptNames: WeightNames = {
  ignored: ["attn.bias"],
  biases: "zero when absent",
};

/**
 * Weight names of GPT-2 in files of Hugging Face, with or without the prefix `transformer.`; the matrices are
 * `[in, out]`. GPT-2 uses `gelu: "tanh"`.
 *
 * @see https://huggingface.co/openai-community/gpt2
 */
export const gpt2Names: WeightNames = {
  prefixes: ["transformer."],
  transposed: ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map((part) => `transformer.h.*.${part}.weight`),
  ignored: ["attn.bias", "attn.masked_bias"],
};
