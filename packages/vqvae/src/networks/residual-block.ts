import { BatchNorm2d, Convolution2d, type ForwardPass, Module, relu } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Batch normalization or none. */
export type Normalization = "batch" | "none";

/** The norm that a configuration asks for. */
export function createNorm(channels: number, normalization: Normalization): BatchNorm2d | undefined {
  return normalization === "batch" ? new BatchNorm2d({ channels }) : undefined;
}

/** Normalizes, where there is a norm, and rectifies. */
export function activate(x: tf.Tensor4D, norm: BatchNorm2d | undefined, pass: ForwardPass): tf.Tensor4D {
  return relu(norm ? norm.forward(x, pass) : x);
}

/** x + (normalize, ReLU, 3×3 convolution, normalize, ReLU, 1×1 convolution)(x). */
export class ResidualBlock extends Module {
  readonly norm1: BatchNorm2d | undefined;
  readonly conv1: Convolution2d;
  readonly norm2: BatchNorm2d | undefined;
  readonly conv2: Convolution2d;

  constructor(channels: number, normalization: Normalization) {
    super();
    this.norm1 = createNorm(channels, normalization);
    this.conv1 = new Convolution2d({ inputs: channels, outputs: channels, filter: 3 });
    this.norm2 = createNorm(channels, normalization);
    this.conv2 = new Convolution2d({ inputs: channels, outputs: channels, filter: 1 });
  }

  /** `[batch, height, width, channels]` → the same shape. */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const hidden = this.conv1.forward(activate(x, this.norm1, pass));
    return tf.add(x, this.conv2.forward(activate(hidden, this.norm2, pass)));
  }
}
