import { BatchNorm2d, Convolution2d, type ForwardPass, GroupNorm, Module, relu, silu } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { ConvolutionalConfig } from "./convolutional-config.js";

/** How channels are normalized. */
export type Normalization = Pick<ConvolutionalConfig, "normalization" | "normalizationGroups">;
/** What stands between two convolutions. */
export type Nonlinearity = Normalization & Pick<ConvolutionalConfig, "activation">;
/** A norm of images, or none. */
export type Norm = BatchNorm2d | GroupNorm | undefined;

/** The norm that a configuration asks for. */
export function createNorm(channels: number, { normalization, normalizationGroups: groups }: Normalization): Norm {
  switch (normalization) {
    case "batch":
      return new BatchNorm2d({ channels });
    case "group":
      return new GroupNorm({ channels, epsilon: 1e-6, ...(groups !== undefined && { groups }) });
    case "none":
      return undefined;
  }
}

/** Normalizes, where there is a norm. */
export function normalize(x: tf.Tensor4D, norm: Norm, pass: ForwardPass): tf.Tensor4D {
  return norm instanceof GroupNorm ? norm.forward(x) : norm ? norm.forward(x, pass) : x;
}

/** Normalizes, where there is a norm, then applies the nonlinearity. */
export function activate(x: tf.Tensor4D, { norm, activation, pass }: Activation): tf.Tensor4D {
  const normalized = normalize(x, norm, pass);
  return activation === "silu" ? silu(normalized) : relu(normalized);
}

/** What {@link activate} needs beside the values. */
export interface Activation extends Pick<Nonlinearity, "activation"> {
  readonly norm: Norm;
  readonly pass: ForwardPass;
}

/** x + (norm, nonlinearity, 3×3 convolution, norm, nonlinearity, convolution)(x). */
export class ResidualBlock extends Module {
  readonly norm1: Norm;
  readonly conv1: Convolution2d;
  readonly norm2: Norm;
  readonly conv2: Convolution2d;
  readonly #activation: Nonlinearity["activation"];

  constructor(channels: number, config: Nonlinearity & Pick<ConvolutionalConfig, "residualFilter">) {
    super();
    this.norm1 = createNorm(channels, config);
    this.conv1 = new Convolution2d({ inputs: channels, outputs: channels, filter: 3 });
    this.norm2 = createNorm(channels, config);
    this.conv2 = new Convolution2d({ inputs: channels, outputs: channels, filter: config.residualFilter });
    this.#activation = config.activation;
  }

  /** `[batch, height, width, channels]` → the same shape. */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { norm1, norm2 } = this;
    const activation = this.#activation;
    const hidden = this.conv1.forward(activate(x, { norm: norm1, activation, pass }));
    return tf.add(x, this.conv2.forward(activate(hidden, { norm: norm2, activation, pass })));
  }
}
