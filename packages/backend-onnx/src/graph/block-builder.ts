import type { ElementType } from "../runtime/element-type.js";
import { LazyValue } from "./lazy-value.js";
import type { NodeOptions } from "./recorder.js";
import { broadcastShape, ShapeBuilder, sameShape, sizeOf } from "./shape-builder.js";

/** The domain of ONNX Runtime's operators on blocks of channels. */
export const blockDomain = "com.microsoft.nchwc";

/** As many numbers may be added one by one: the relative error stays below 1e-5. */
const maxTerms = 1024;

/** In how many equal runs numbers are added, so that none is too long; undefined if there is no such number. */
export function runsOf(terms: number): number | undefined {
  for (let runs = 1; runs <= 64; runs++) {
    if (terms % runs === 0 && terms / runs <= maxTerms) {
      return runs;
    }
  }
  return undefined;
}

/**
 * Records elementwise operators, in blocks of channels where an operand is computed in blocks.
 *
 * ONNX Runtime's fastest convolutions on the cpu take images whose memory is `[batch, channels / b, height, width, b]`,
 * with b the number of floats in a vector register. Its optimizer introduces that layout for constant weights only; here
 * it is recorded. A value computed in blocks ({@link LazyValue.inBlocks}) also has its usual form
 * `[batch, height, width, channels]`, derived from the blocks: what needs it pays for the change of layout, and where
 * nothing does, it is not computed.
 */
export class BlockBuilder extends ShapeBuilder {
  readonly #probe: () => number | undefined;
  /** Images times numbers for each channel, to which an offset can be added in the same pass. */
  readonly #scaled = new WeakSet<LazyValue>();
  /** Whether to record in blocks; off while a graph for other machines and runtimes is recorded. */
  usesBlocks = true;

  /**
   * @param maxOutputs - Maximum number of outputs of one node.
   * @param probe - Returns the number of channels in a block, undefined where the operators are missing.
   */
  constructor(maxOutputs: number, probe: () => number | undefined) {
    super(maxOutputs);
    this.#probe = probe;
  }

  /** Number of channels in a block; undefined where nothing is recorded in blocks. */
  get blockSize(): number | undefined {
    return this.usesBlocks ? this.#probe() : undefined;
  }

  /** An operator on blocks. */
  blockNode(
    op: string,
    inputs: readonly (LazyValue | undefined)[],
    shape: readonly number[],
    attributes: NodeOptions["attributes"] = {},
  ): LazyValue {
    return this.node(op, inputs, "float32", shape, { domain: blockDomain, attributes });
  }

  /**
   * Changes the memory of `[a, b, c, d]` to blocks of `b`, or with `last` of `d`; that size must be a multiple of the
   * block's.
   *
   * @returns `[a, b, c, d]`, with `last` `[a, d, b, c]`.
   */
  toBlocks(x: LazyValue, last: boolean): LazyValue {
    const [a, b, c, d] = x.shape as [number, number, number, number];
    return this.blockNode("ReorderInput", [x], last ? [a, d, b, c] : x.shape, { channels_last: last ? 1 : 0 });
  }

  /**
   * Changes the memory of blocks `[batch, channels, height, width]` back, and keeps the first `channels`.
   *
   * @returns `[batch, channels, height, width]`, with `last` `[batch, height, width, channels]`.
   */
  outOfBlocks(x: LazyValue, channels: number, last: boolean): LazyValue {
    const [batch, , height, width] = x.shape as [number, number, number, number];
    const shape = last ? [batch, height, width, channels] : [batch, channels, height, width];
    return this.blockNode("ReorderOutput", [x], shape, { channels, channels_last: last ? 1 : 0 });
  }

  /** The blocks of a float32 value `[batch, height, width, channels]` with whole blocks of channels. */
  blocksOf(x: LazyValue): LazyValue {
    x.blocked ??= this.toBlocks(x, true);
    return x.blocked;
  }

  /** The value `[batch, height, width, channels]` of blocks. */
  fromBlocks(blocked: LazyValue): LazyValue {
    const [batch, channels, height, width] = blocked.shape as [number, number, number, number];
    const value = new LazyValue(blocked.type, [batch, height, width, channels]);
    value.blocked = blocked;
    value.inBlocks = true;
    value.deferProducer(() => {
      if (blocked.type === "float32") {
        const attributes = { channels, channels_last: 1 };
        return this.nodeFor([value], "ReorderOutput", [blocked], { domain: blockDomain, attributes });
      }
      const block = this.blockSize!;
      const grouped = this.reshape(blocked, [batch, channels / block, height * width, block]);
      const moved = this.transpose(grouped, [0, 2, 1, 3]);
      return this.nodeFor([value], "Reshape", [moved, this.indices(value.shape)]);
    });
    return value;
  }

  /** An operator whose result has the broadcast shape of its operands. */
  elementwise(op: string, inputs: readonly LazyValue[], type: ElementType, options?: NodeOptions): LazyValue {
    const shape = inputs.reduce((all, { shape }) => broadcastShape(all, shape), inputs[0]!.shape);
    if (inputs.some((input) => input.inBlocks && sameShape(input.shape, shape)) && this.blockSize !== undefined) {
      const scaled =
        type === "float32" && inputs.length === 2 ? this.#byChannel(op, inputs[0]!, inputs[1]!) : undefined;
      if (scaled !== undefined) {
        return this.fromBlocks(scaled);
      }
      const operands = this.#operandsInBlocks(inputs, shape as [number, number, number, number]);
      if (operands !== undefined) {
        const [batch, height, width, channels] = shape as [number, number, number, number];
        const result = this.node(
          op,
          operands,
          type,
          operands.find(({ size }) => size === sizeOf(shape))!.shape,
          options,
        );
        return this.fromBlocks(this.reshape(result, [batch, channels, height, width]));
      }
    }
    return this.node(op, inputs, type, shape, options);
  }

  /**
   * An image in blocks times or plus one number for each channel, as a convolution of each channel with one place: it
   * runs as fast as the plain operator, does both in one pass, and takes an activation and a summand when it is compiled.
   */
  #byChannel(op: string, a: LazyValue, b: LazyValue): LazyValue | undefined {
    const [image, numbers] = a.inBlocks ? [a, b] : [b, a];
    const channels = image.shape[3]!;
    const isVector = numbers.size === channels && channels > 1 && numbers.shape.at(-1) === channels;
    if (!image.inBlocks || !isVector || image.type !== "float32" || (op === "Sub" && image !== a)) {
      return undefined;
    }
    const blocked = image.blocked!;
    switch (op) {
      case "Mul": {
        const scaled = this.separately([blocked, this.reshape(numbers, [channels, 1, 1, 1])], [1, 1], blocked.shape);
        this.#scaled.add(scaled);
        return scaled;
      }
      case "Add":
      case "Sub": {
        const vector = this.reshape(numbers, [channels]);
        const offset = op === "Add" ? vector : this.node("Neg", [vector], vector.type, vector.shape);
        return this.#moved(blocked, offset);
      }
      default:
        return undefined;
    }
  }

  /** Blocks plus one number for each channel; where they were scaled, or are a sum with a scaled part, in that pass. */
  #moved(blocked: LazyValue, offset: LazyValue): LazyValue {
    const { producer, shape } = blocked;
    if (this.#scaled.has(blocked)) {
      return this.separately([...producer!.inputs, offset], [1, 1], shape);
    }
    const scaled = producer?.op === "Add" ? producer.inputs.find((part) => this.#scaled.has(part!)) : undefined;
    if (scaled !== undefined) {
      const [a, b] = producer!.inputs;
      return this.node("Add", [this.#moved(scaled, offset), (scaled === a ? b : a)!], "float32", shape);
    }
    return this.separately([blocked, this.fill("float32", [offset.size, 1, 1, 1], 1), offset], [1, 1], shape);
  }

  /**
   * A convolution in which no channel sees another.
   *
   * @param inputs - Images in blocks; filter `[channels, 1, ...sides]`; then offset and summand, if any.
   * @param pads - Zeros around the images: above, left, below, right.
   */
  separately(
    inputs: readonly (LazyValue | undefined)[],
    sides: readonly number[],
    shape: readonly number[],
    pads: readonly number[] = [0, 0, 0, 0],
  ): LazyValue {
    const attributes = { kernel_shape: sides, strides: [1, 1], dilations: [1, 1], pads };
    return this.blockNode("Conv", inputs, shape, { ...attributes, group: shape[1]! });
  }

  /**
   * The mean of each channel of blocks `[batch, channels, height, width]` over height and width.
   *
   * @returns `[batch, channels]`; undefined where it would add too many numbers one by one.
   */
  meansOfBlocks(blocked: LazyValue): LazyValue | undefined {
    const [batch, channels, height, width] = blocked.shape as [number, number, number, number];
    const [block, places] = [this.blockSize!, height * width];
    const parts = runsOf(places);
    if (parts === undefined) {
      return undefined;
    }
    const rows = (batch * channels) / block;
    const means = (images: LazyValue) =>
      this.blockNode("GlobalAveragePool", [images], [images.shape[0]!, images.shape[1]!, 1, 1]);
    if (parts === 1) {
      return this.reshape(means(blocked), [batch, channels]);
    }
    // Each run of places counts as an image of one block of channels; then each mean of a run as a place.
    const ofRuns = means(this.reshape(blocked, [rows * parts, block, places / parts, 1]));
    return this.reshape(means(this.reshape(ofRuns, [rows, block, parts, 1])), [batch, channels]);
  }

  /** Operands that broadcast to blocks of `[batch, height, width, channels]`; undefined if one has no such form. */
  #operandsInBlocks(
    inputs: readonly LazyValue[],
    [batch, height, width, channels]: readonly [number, number, number, number],
  ): LazyValue[] | undefined {
    const block = this.blockSize!;
    const isWhole = (input: LazyValue) => sameShape(input.shape, [batch, height, width, channels]);
    const leading = (input: LazyValue) => (input.shape.length === 4 ? input.shape[0]! : 1);
    const ofChannels = (input: LazyValue) =>
      input.shape.at(-1) === channels && input.size === leading(input) * channels && channels > 1;
    const possible = inputs.every(
      (input) =>
        input.size === 1 || ofChannels(input) || (isWhole(input) && (input.blocked || input.type === "float32")),
    );
    if (!possible) {
      return undefined;
    }
    // ONNX Runtime broadcasts run by run: numbers for each channel are repeated first, or runs would have b elements.
    const isNarrow = batch < 4 || inputs.some((input) => !isWhole(input) && leading(input) > 1);
    return inputs.map((input) => {
      if (isWhole(input)) {
        const blocks = this.blocksOf(input);
        return isNarrow ? this.reshape(blocks, [batch, channels / block, height, width * block]) : blocks;
      }
      if (input.size === 1) {
        return this.reshape(input, []);
      }
      const rows = isNarrow ? width : height * width;
      const grouped = this.reshape(input, [leading(input), channels / block, 1, block]);
      const repeated = this.expand(grouped, [leading(input), channels / block, rows, block]);
      return isNarrow
        ? this.reshape(repeated, [leading(input), channels / block, 1, width * block])
        : this.reshape(repeated, [1, channels, height, width]);
    });
  }
}
