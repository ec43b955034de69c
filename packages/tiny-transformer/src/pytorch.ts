import { readSafetensors, writeSafetensors } from "@mmgen/core";
import { exportStateDict, importStateDict, type OwnWeights, type WeightNames } from "@mmgen/nn";
import { checkpointMetadata, readCheckpoint } from "./checkpoint.js";
import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";
import { planWeights } from "./weight-plan.js";

/** What a file of another program does not say of itself. */
export interface PyTorchOptions {
  /**
   * Sizes, and how the model that wrote the file differs from the defaults: nanoGPT and GPT-2 have `tiedWeights: true`,
   * and a nanoGPT trained with `bias=False` has `bias: false`.
   */
  readonly config: TransformerOptions;
  /** What it calls its weights; {@link nanoGptNames} when absent. */
  readonly names?: WeightNames;
}

/**
 * nanoGPT's names, which are ours: biases may be absent (`bias=False`) and are then 0 in a model that has them, the
 * causal mask is no weight.
 *
 * @see https://github.com/karpathy/nanoGPT/blob/master/model.py
 */
export const nanoGptNames: WeightNames = {
  ignored: ["attn.bias"],
  biases: "zero when absent",
};

/**
 * GPT-2's names in Hugging Face's files, with or without `transformer.` before them; its matrices lie as `[in, out]`. Its
 * GELU is tanh.
 *
 * @see https://huggingface.co/openai-community/gpt2
 */
export const gpt2Names: WeightNames = {
  prefixes: ["transformer."],
  transposed: ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map((part) => `transformer.h.*.${part}.weight`),
  ignored: ["attn.bias", "attn.masked_bias"],
};

/**
 * A file of another program as one of ours.
 *
 * @throws a `CheckpointError` when it is damaged or its weights are not the configuration's; a `ConfigError` when the
 * configuration is not valid.
 */
export function fromPyTorch(bytes: Uint8Array, { config, names = nanoGptNames }: PyTorchOptions): Uint8Array {
  const complete = resolveTransformer(config);
  const tensors = importStateDict(readSafetensors(bytes), ownWeights(complete), names);
  return writeSafetensors({ tensors, metadata: checkpointMetadata(complete) });
}

/** One of our files as another program would have written it. */
export function toPyTorch(bytes: Uint8Array, names: WeightNames = nanoGptNames): Uint8Array {
  const { content, config } = readCheckpoint(bytes);
  const tensors = exportStateDict(content.tensors, ownWeights(config), names);
  return writeSafetensors({ tensors, metadata: { format: "pt" } });
}

function ownWeights(config: TransformerConfig): OwnWeights {
  const shapes = new Map([...planWeights(config)].map(([name, { shape }]) => [name, shape] as const));
  return { shapes, ...(config.tiedWeights && { copies: { "lm_head.weight": "transformer.wte.weight" } }) };
}
