import { conv2d, convolutionFileLayout, convTranspose2d } from "@mmgen/nn";
import { convolutionParameters, type Layer, weight } from "./parameters.js";

/** Shape of a convolution. */
export interface ConvolutionSize {
  readonly inputs: number;
  readonly outputs: number;
  /** Side of the filter. */
  readonly filter: number;
  readonly stride?: number;
}

/** A "same" convolution with bias. */
export function convolution(name: string, { inputs, outputs, filter, stride = 1 }: ConvolutionSize): Layer {
  const size = { shape: [filter, filter, inputs, outputs], fanIn: inputs * filter ** 2, biasLength: outputs };
  return {
    parameters: convolutionParameters(name, size, convolutionFileLayout),
    forward: (x, { weights }) =>
      conv2d(x, weight(weights, `${name}.weight`), weight(weights, `${name}.bias`), { stride }),
  };
}

/** A transposed "same" convolution with bias; the side grows by `stride`. */
export function transposedConvolution(name: string, { inputs, outputs, filter, stride = 1 }: ConvolutionSize): Layer {
  // PyTorch takes a transposed convolution's fan-in from the second axis of its weight, which is its outputs.
  const size = { shape: [filter, filter, outputs, inputs], fanIn: outputs * filter ** 2, biasLength: outputs };
  return {
    parameters: convolutionParameters(name, size, convolutionFileLayout),
    forward: (x, { weights }) =>
      convTranspose2d(x, weight(weights, `${name}.weight`), weight(weights, `${name}.bias`), { stride }),
  };
}
