import { CheckpointError, type ModelFile } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";
import type { ModelFormat, WeightNames } from "@mmgen/nn";
import {
  resolveTransformer,
  type TransformerConfig,
  type TransformerOptions,
  transformerSchema,
} from "./transformer-config.js";
import { parameterCount } from "./transformer-memory.js";

/** How a transformer's files are marked. Files from before there were kinds hold the same configuration and weights. */
export const transformerFormat: ModelFormat = {
  kind: "mmgen.tiny-transformer",
  version: 1,
  legacy: { field: "model", value: "@mmgen/tiny-transformer" },
};

/**
 * The configuration in a transformer's file.
 *
 * The number of weights is compared with it before anything is declared or allocated for them.
 *
 * @throws a {@link CheckpointError} when the file holds another number of weights; a `ConfigError` when the configuration
 *   is not valid.
 */
export function readTransformerConfig({ config: written, tensors }: ModelFile): TransformerConfig {
  const config = resolveTransformer(written as TransformerOptions);
  const expected = parameterCount(config);
  let found = 0;
  for (const { data } of tensors.values()) {
    found += data.length;
  }
  if (found !== expected) {
    throw new CheckpointError(
      `The file holds ${found} parameters and its configuration asks for ${expected}: it is damaged or edited.`,
    );
  }
  return config;
}

/** Options of `TinyTransformer.loadPyTorch`: what a file of another program does not hold. */
export interface PyTorchOptions {
  /**
   * Sizes, and how the model that wrote the file differs from the defaults: nanoGPT and GPT-2 have `tiedWeights: true`,
   * and a nanoGPT trained with `bias=False` has `bias: false`.
   */
  readonly config: TransformerOptions;
  /** Names of the file's weights; {@link nanoGptNames} when absent. */
  readonly names?: WeightNames | undefined;
}

const namesSchema = optional(value<WeightNames>("an object of weight names", (names) => typeof names === "object"));

/** Checks {@link PyTorchOptions} and fills in the defaults. */
export function resolvePyTorch(options: PyTorchOptions) {
  const schema = fields({ config: transformerSchema, names: namesSchema });
  const { config, names = nanoGptNames } = resolveOptions(schema, options);
  return { config, names };
}

/** Checks the options of `TinyTransformer.savePyTorch`. */
export function resolveNames(options: Pick<PyTorchOptions, "names">): WeightNames {
  return resolveOptions(fields({ names: namesSchema }), options).names ?? nanoGptNames;
}

/**
 * nanoGPT's names, which are also ours: biases may be absent (`bias=False`) and are then 0 in a model that has them; the
 * causal mask is no weight.
 *
 * @see https://github.com/karpathy/nanoGPT/blob/master/model.py
 */
export const nanoGptNames: WeightNames = {
  ignored: ["attn.bias"],
  biases: "zero when absent",
};

/**
 * GPT-2's names in Hugging Face's files, with or without `transformer.` before them; its matrices are `[in, out]`. Its
 * GELU is tanh.
 *
 * @see https://huggingface.co/openai-community/gpt2
 */
export const gpt2Names: WeightNames = {
  prefixes: ["transformer."],
  transposed: ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map((part) => `transformer.h.*.${part}.weight`),
  ignored: ["attn.bias", "attn.masked_bias"],
};
