import { BatchNorm2d, Convolution2d, type ForwardPass, Module } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { drawnAs } from "./attribute-network.js";

/** Size of one {@link ConvolutionBlock}. */
export interface ConvolutionSize {
  /** Height and width of the filter. */
  readonly filter: number;
  readonly stride: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** A convolution with batch norm and ReLU. */
export class ConvolutionBlock extends Module {
  readonly convolution: Convolution2d;
  readonly norm: BatchNorm2d;

  constructor(name: string, { filter, stride, inputs, outputs }: ConvolutionSize) {
    super();
    const weight = drawnAs(`${name}.convolution.weight`, filter * filter * inputs);
    this.convolution = new Convolution2d({ inputs, outputs, filter, stride, initial: { weight } });
    this.norm = new BatchNorm2d({ channels: outputs, runningVariance: "biased" });
  }

  /**
   * @param x - `[batch, height, width, inputs]`; borrowed.
   * @returns `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outputs]`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    return tf.relu(this.norm.forward(this.convolution.forward(x), pass));
  }
}
