import { checkOneOf } from "./check-config.js";
import { type FsqConfig, resolveFsq } from "./fsq-config.js";
import { type LfqConfig, resolveLfq } from "./lfq-config.js";
import { type ProductQuantizerConfig, resolveProductQuantizer } from "./product-quantizer-config.js";
import { type ResidualQuantizerConfig, resolveResidualQuantizer } from "./residual-quantizer-config.js";
import { resolveVectorQuantizer, type VectorQuantizerConfig } from "./vector-quantizer-config.js";

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
