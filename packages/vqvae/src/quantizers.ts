export type { Codebook } from "./codebooks/codebook.js";
export type { RowMask } from "./codebooks/row-mask.js";
export {
  createQuantizer,
  loadQuantizer,
  type QuantizerConfig,
  type QuantizerOptions,
  saveQuantizer,
} from "./quantizers/create-quantizer.js";
export {
  FiniteScalarQuantizer,
  type FiniteScalarQuantizerConfig,
  type FiniteScalarQuantizerOptions,
} from "./quantizers/finite-scalar-quantizer.js";
export {
  LookupFreeQuantizer,
  type LookupFreeQuantizerConfig,
  type LookupFreeQuantizerOptions,
} from "./quantizers/lookup-free-quantizer.js";
export {
  ProductQuantizer,
  type ProductQuantizerConfig,
  type ProductQuantizerOptions,
} from "./quantizers/product-quantizer.js";
export { type MaskOptions, type Quantization, Quantizer, type RowQuantization } from "./quantizers/quantizer.js";
export {
  ResidualQuantizer,
  type ResidualQuantizerConfig,
  type ResidualQuantizerOptions,
} from "./quantizers/residual-quantizer.js";
export {
  VectorQuantizer,
  type VectorQuantizerConfig,
  type VectorQuantizerOptions,
} from "./quantizers/vector-quantizer.js";
