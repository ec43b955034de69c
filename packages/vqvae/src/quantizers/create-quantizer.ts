import { type ConfigOf, type OptionsOf, variants } from "@mmgen/core/options";
import { finiteScalarQuantizer, finiteScalarQuantizerSchema } from "./finite-scalar-quantizer.js";
import { lookupFreeQuantizer, lookupFreeQuantizerSchema } from "./lookup-free-quantizer.js";
import { productQuantizer, productQuantizerSchema } from "./product-quantizer.js";
import type { Quantizer } from "./quantizer.js";
import { residualQuantizer, residualQuantizerSchema } from "./residual-quantizer.js";
import { vectorQuantizer, vectorQuantizerSchema } from "./vector-quantizer.js";

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

/** Creates the quantizer of a configuration. */
export function createQuantizer(config: QuantizerConfig): Quantizer {
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
