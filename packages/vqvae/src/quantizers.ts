import { productQuantizer } from "./product-quantizer.js";
import type { Quantizer } from "./quantizer.js";
import type { QuantizerConfig } from "./quantizer-config.js";
import { vectorQuantizer } from "./vector-quantizer.js";

/** The quantizer that a configuration names. */
export function quantizerOf(config: QuantizerConfig): Quantizer {
  return config.type === "product" ? productQuantizer(config) : vectorQuantizer(config);
}
