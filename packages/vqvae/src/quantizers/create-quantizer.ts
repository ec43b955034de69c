import { type ConfigOf, type OptionsOf, resolveOptions, variants } from "@mmgen/core/options";
import { type LoadOptions, loadModel, type ModelFormat, saveModel } from "@mmgen/nn/layers";
import { FiniteScalarQuantizer, finiteScalarQuantizerSchema } from "./finite-scalar-quantizer.js";
import { LookupFreeQuantizer, lookupFreeQuantizerSchema } from "./lookup-free-quantizer.js";
import { ProductQuantizer, productQuantizerSchema } from "./product-quantizer.js";
import type { Quantizer } from "./quantizer.js";
import { ResidualQuantizer, residualQuantizerSchema } from "./residual-quantizer.js";
import { VectorQuantizer, vectorQuantizerSchema } from "./vector-quantizer.js";

export const quantizerSchema = variants(
  vectorQuantizerSchema,
  productQuantizerSchema,
  residualQuantizerSchema,
  finiteScalarQuantizerSchema,
  lookupFreeQuantizerSchema,
);

/** Options of any quantizer, by `type`; `vector` where no type is given. */
export type QuantizerOptions = OptionsOf<typeof quantizerSchema>;
/** {@link QuantizerOptions} with every default filled in. */
export type QuantizerConfig = ConfigOf<typeof quantizerSchema>;

/**
 * Creates a quantizer by its `type`. Its weights come from `initializeWeights`.
 *
 * @throws a `ConfigError` naming the fields that are unknown or out of range.
 */
export function createQuantizer(options: QuantizerOptions = {}): Quantizer {
  const config = resolveOptions(quantizerSchema, options);
  switch (config.type) {
    case "vector":
      return new VectorQuantizer(config);
    case "product":
      return new ProductQuantizer(config);
    case "residual":
      return new ResidualQuantizer(config);
    case "fsq":
      return new FiniteScalarQuantizer(config);
    case "lfq":
      return new LookupFreeQuantizer(config);
  }
}

const format: ModelFormat = { kind: "mmgen.quantizer", version: 1 };

/** A quantizer's configuration, weights and state as one safetensors file; for {@link loadQuantizer}. */
export function saveQuantizer(quantizer: Quantizer): Promise<Uint8Array> {
  return saveModel(quantizer, format, { config: quantizer.config });
}

/**
 * The quantizer of a file that {@link saveQuantizer} wrote.
 *
 * @throws a `CheckpointError` when the bytes are damaged, of another model or beyond a limit.
 */
export function loadQuantizer(bytes: Uint8Array, options: LoadOptions = {}): Quantizer {
  // Unchecked options, of a file, are what the schema is for.
  return loadModel(bytes, format, ({ config }) => createQuantizer(config as QuantizerOptions), options);
}
