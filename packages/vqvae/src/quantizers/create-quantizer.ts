import { checkOneOf } from "../model/check-config.js";
import { type FsqConfig, finiteScalarQuantizer, resolveFsq } from "./finite-scalar-quantizer.js";
import { type LfqConfig, lookupFreeQuantizer, resolveLfq } from "./lookup-free-quantizer.js";
import { type ProductQuantizerConfig, productQuantizer, resolveProductQuantizer } from "./product-quantizer.js";
import type { Quantizer } from "./quantizer.js";
import { type ResidualQuantizerConfig, residualQuantizer, resolveResidualQuantizer } from "./residual-quantizer.js";
import { resolveVectorQuantizer, type VectorQuantizerConfig, vectorQuantizer } from "./vector-quantizer.js";

/** From latent vectors to codes. */
export type QuantizerConfig =
  | VectorQuantizerConfig
  | ProductQuantizerConfig
  | ResidualQuantizerConfig
  | FsqConfig
  | LfqConfig;

/** A quantizer with its defaults: `vector` where no type is named. */
export type QuantizerOptions =
  | Partial<VectorQuantizerConfig>
  | WithType<ProductQuantizerConfig>
  | WithType<ResidualQuantizerConfig>
  | WithType<FsqConfig>
  | WithType<LfqConfig>;

type WithType<T extends { readonly type: string }> = Pick<T, "type"> & Partial<T>;

/** Fills in the defaults, and throws a `ConfigError` unless the type is known and every field one of its own and in range. */
export function resolveQuantizer(options: QuantizerOptions): QuantizerConfig {
  switch (options.type) {
    case "product":
      return resolveProductQuantizer(options);
    case "residual":
      return resolveResidualQuantizer(options);
    case "fsq":
      return resolveFsq(options);
    case "lfq":
      return resolveLfq(options);
    default:
      checkOneOf("quantizer.type", options.type ?? "vector", ["vector", "product", "residual", "fsq", "lfq"]);
      return resolveVectorQuantizer(options);
  }
}

/** The quantizer that a configuration names. */
export function quantizerOf(config: QuantizerConfig): Quantizer {
  switch (config.type) {
    case "vector":
      return vectorQuantizer(config);
    case "product":
      return productQuantizer(config);
    case "residual":
      return residualQuantizer(config);
    case "fsq":
      return finiteScalarQuantizer(config);
    case "lfq":
      return lookupFreeQuantizer(config);
  }
}
