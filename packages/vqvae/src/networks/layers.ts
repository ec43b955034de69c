import type { Random } from "@mmgen/core";
import {
  conv2d,
  convolutionFileLayout,
  convTranspose2d,
  type FileLayouts,
  kaimingUniform,
  relu,
  uniform,
} from "@mmgen/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** What one named weight of a model is, before it exists. */
export interface Parameter {
  /** The weight's path in the checkpoint, as PyTorch would name it. */
  readonly name: string;
  /** Whether gradients move it, or a rule after the step does. */
  readonly learned: "by gradient" | "after step";
  /** Whose stream its first value is drawn from, where not its own: two weights that must start equal share one. */
  readonly drawnAs?: string;
  /** Its first value; the caller's. */
  initial(random: Random): tf.Tensor;
  /** Order of its axes in a file, where that differs from memory. */
  readonly fileLayout?: readonly number[];
  /** Of what only this package's training keeps: its value beside weights that another program trained. */
  readonly besideImported?: "ones" | { readonly equals: string };
}

/** The order of axes in a file of each weight that has another in memory, by name. */
export function fileLayouts(parameters: readonly Parameter[]): FileLayouts {
  return new Map(parameters.flatMap(({ name, fileLayout }) => (fileLayout ? [[name, fileLayout]] : [])));
}

/** A model's weights by name: variables in training, graph inputs in a compiled function. */
export type Weights = ReadonlyMap<string, tf.Tensor>;

/** What runs through a network beside the data. */
export interface ForwardPass {
  readonly weights: Weights;
  /** Whether batch statistics are in force. */
  readonly training: boolean;
  /** Statistics of this batch, by name, for the running ones; filled in training only. */
  readonly statistics: Map<string, tf.Tensor>;
}

/** A part of a network: its weights, and a pure function of input and weights. */
export interface Layer {
  readonly parameters: readonly Parameter[];
  /** Borrows `x`; what it returns belongs to the surrounding `tf.tidy`. */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D;
}

/** Layers one after another. */
export function sequence(...layers: readonly Layer[]): Layer {
  return {
    parameters: layers.flatMap(({ parameters }) => parameters),
    forward: (x, pass) => layers.reduce((held, layer) => layer.forward(held, pass), x),
  };
}

/** A nonlinearity, without weights. */
export const rectifier: Layer = { parameters: [], forward: (x) => relu(x) };

/** The weight `name`, which a layer declared among its parameters. */
export function weight<T extends tf.Tensor>(weights: Weights, name: string): T {
  const tensor = weights.get(name);
  if (!tensor) {
    throw new Error(`No weight is named "${name}".`);
  }
  return tensor as T;
}

/** PyTorch's start of a convolution's filter and bias: uniform in ±1/√fanIn. */
export function convolutionParameters(
  name: string,
  { shape, fanIn, biasLength }: { shape: readonly number[]; fanIn: number; biasLength: number },
  fileLayout: readonly number[],
): Parameter[] {
  const bound = 1 / Math.sqrt(fanIn);
  return [
    {
      name: `${name}.weight`,
      learned: "by gradient",
      initial: (random) => kaimingUniform(shape, { random, fanIn, gain: 1 / Math.sqrt(3) }),
      fileLayout,
    },
    {
      name: `${name}.bias`,
      learned: "by gradient",
      initial: (random) => uniform([biasLength], { random, low: -bound, high: bound }),
    },
  ];
}

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

/** Weight `[outputs, inputs]` and bias of a linear layer, with PyTorch's start: uniform in ±1/√inputs. */
export function linearParameters(name: string, inputs: number, outputs: number): Parameter[] {
  const bound = 1 / Math.sqrt(inputs);
  return [
    {
      name: `${name}.weight`,
      learned: "by gradient",
      initial: (random) => uniform([outputs, inputs], { random, low: -bound, high: bound }),
    },
    {
      name: `${name}.bias`,
      learned: "by gradient",
      initial: (random) => uniform([outputs], { random, low: -bound, high: bound }),
    },
  ];
}
