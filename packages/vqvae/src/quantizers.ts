import { finiteScalarQuantizer } from "./fsq.js";
import { lookupFreeQuantizer } from "./lfq.js";
import { productQuantizer } from "./product-quantizer.js";
import type { Quantizer } from "./quantizer.js";
import type { QuantizerConfig } from "./quantizer-config.js";
import { residualQuantizer } from "./residual-quantizer.js";
import { vectorQuantizer } from "./vector-quantizer.js";

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
