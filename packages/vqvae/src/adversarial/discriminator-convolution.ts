import {
  conv2d,
  convolutionFileLayout,
  type ForwardPass,
  filled,
  kaimingUniform,
  Module,
  normal,
  Parameter,
  spectralNorm,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Steps of the power iteration before training, as many as PyTorch takes. */
const settlingSteps = 15;

/** Options of a {@link DiscriminatorConvolution}. */
interface DiscriminatorConvolutionOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly isSpectral: boolean;
}

/** A "same" 4×4 convolution with bias, whose filter may be divided by its largest singular value. */
export class DiscriminatorConvolution extends Module {
  static override readonly paths = { direction: "weight_u" };

  /** `[4, 4, inputs, outputs]`; files have PyTorch's `[outputs, inputs, 4, 4]`. */
  readonly weight: Parameter<tf.Tensor4D>;
  /** `[outputs]`. */
  readonly bias: Parameter<tf.Tensor1D>;
  /** The direction that the filter stretches most, `[outputs]`, of the step before. */
  readonly direction: Parameter<tf.Tensor1D> | undefined;
  readonly #stride: number;

  constructor({ inputs, outputs, stride, isSpectral }: DiscriminatorConvolutionOptions) {
    super();
    this.weight = new Parameter({
      shape: [4, 4, inputs, outputs],
      initial: (shape, random) => kaimingUniform(shape, { random, fanIn: 16 * inputs, gain: 1 / Math.sqrt(3) }),
      fileLayout: convolutionFileLayout,
    });
    this.bias = new Parameter({ shape: [outputs], initial: filled(0) });
    this.direction = isSpectral
      ? new Parameter({ shape: [outputs], initial: (shape, random) => normal(shape, { random }), role: "buffer" })
      : undefined;
    this.#stride = stride;
  }

  /** Iterates the direction on the present weights. Reads. */
  async settle(): Promise<void> {
    const { direction, weight } = this;
    if (direction !== undefined) {
      tf.tidy(() => {
        const settled = spectralNorm(weight.value, direction.value, { iterations: settlingSteps });
        direction.variable.assign(settled.direction);
      });
      // What a backend that records first would else compute within the first step.
      await direction.variable.data();
    }
  }

  /**
   * Normalizes the filter, once for all batches of a pass.
   *
   * @param pass - In training the direction takes a step; `pass.statistics` receives the new one.
   * @returns `[batch, height, width, inputs]` → `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outputs]`.
   */
  prepare(pass: ForwardPass): (x: tf.Tensor4D) => tf.Tensor4D {
    const { bias, direction } = this;
    let weight = this.weight.value;
    if (direction !== undefined) {
      const normalized = spectralNorm(weight, direction.value, { iterations: pass.training ? 1 : 0 });
      weight = normalized.weight;
      if (pass.training) {
        pass.statistics?.set(direction.path!, normalized.direction);
      }
    }
    return (x) => conv2d(x, weight, bias.value, { stride: this.#stride });
  }
}
