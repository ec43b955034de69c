import { checkOneOf } from "./check-config.js";
import { type ProductQuantizerConfig, resolveProductQuantizer } from "./product-quantizer-config.js";
import { resolveVectorQuantizer, type VectorQuantizerConfig } from "./vector-quantizer-config.js";

/** From latent vectors to codes. */
export type QuantizerConfig = VectorQuantizerConfig | ProductQuantizerConfig;

/** A quantizer with its defaults: `vector` where no type is named. */
export type QuantizerOptions = Partial<VectorQuantizerConfig> | WithType<ProductQuantizerConfig>;

type WithType<T extends { readonly type: string }> = Pick<T, "type"> & Partial<T>;

/** Fills in the defaults, and throws a `ConfigError` unless the type is known and every field one of its own and in range. */
export function resolveQuantizer(options: QuantizerOptions): QuantizerConfig {
  const { type = "vector" } = options;
  checkOneOf("quantizer.type", type, ["vector", "product"]);
  return options.type === "product" ? resolveProductQuantizer(options) : resolveVectorQuantizer(options);
}
