import type { ElementType } from "../runtime/element-type.js";
import { float, type LazyValue } from "./lazy-value.js";
import { OperatorBuilder } from "./operator-builder.js";
import { broadcastShape, sizeOf } from "./shape-builder.js";
import { isLongSum, nextSumStage } from "./staged-sum.js";

/** How a {@link GraphBuilder} writes graphs for its execution provider. */
export interface GraphLimits {
  /** Maximum number of outputs of one node; a split into more is recorded as several nodes. Default: none. */
  readonly maxOutputs?: number;
  /** Whether the cpu runs the nodes: its sums add terms one by one, and those of int32 saturate. Default: true. */
  readonly runsOnCpu?: boolean;
  /** Whether ONNX Runtime's attention that adds to its cache in place is there. Default: true. */
  readonly attendsInPlace?: boolean;
  /** Whether loops are run without copies between their steps; else every step is recorded. Default: true. */
  readonly hasLoops?: boolean;
  /** Finds the number of channels in a block of ONNX Runtime's blocked convolutions. Default: there are none. */
  readonly probeBlockSize?: () => number | undefined;
}

/** Number of int32 terms whose sum a double always holds exactly. */
const exactTerms = 2 ** 22;

/** Records casts, reductions, padding and products, and infers the shapes of their results. */
export class GraphBuilder extends OperatorBuilder {
  /** Whether long sums are recorded in stages; off while a graph with an open size is recorded. */
  stagesSums: boolean;
  /**
   * Whether an upload of equal numbers is recorded as a fill; on while a graph for a file is recorded: a fill takes no
   * room there, and its shape may depend on an open size.
   */
  fillsUploads = false;
  /** Whether the nodes run on the cpu, which has operators that other providers lack. */
  readonly runsOnCpu: boolean;
  /** Whether float64 is computed where float32 is. */
  readonly hasDoubles: boolean = true;
  /** Whether tensors of equal shape had better be computed as one than each by itself. */
  readonly groupsEqualShapes: boolean = false;
  /** Whether loops are run without copies between their steps. */
  readonly hasLoops: boolean;
  readonly attendsInPlace: boolean;

  constructor({
    maxOutputs = Number.POSITIVE_INFINITY,
    runsOnCpu = true,
    attendsInPlace = true,
    hasLoops = true,
    probeBlockSize = () => undefined,
  }: GraphLimits = {}) {
    super(maxOutputs, probeBlockSize);
    this.runsOnCpu = runsOnCpu;
    this.attendsInPlace = attendsInPlace;
    this.hasLoops = hasLoops;
    this.stagesSums = runsOnCpu;
  }

  /** Casts with tfjs's semantics: floats become int32 as in an Int32Array, modulo 2³². */
  cast(x: LazyValue, type: ElementType): LazyValue {
    if (x.type === type) {
      return x;
    }
    const floating = x.type === "float32" || x.type === "float64";
    return this.rawCast(type === "int32" && floating ? this.#int32Bits(x) : x, type);
  }

  /** A reducing operator (`ReduceSum`, `ReduceMean`, `ReduceMax`, …) over `axes`. */
  reduce(op: string, x: LazyValue, axes: readonly number[], keepDims: boolean): LazyValue {
    if (axes.length === 0) {
      return x;
    }
    const shape = reducedShape(x.shape, axes, keepDims);
    if (x.inBlocks && x.type === "float32" && this.blockSize !== undefined) {
      const reduced = this.#reduceBlocks(op, x.blocked!, axes);
      if (reduced !== undefined) {
        return this.reshape(reduced, shape);
      }
    }
    if (x.type === "int32" && this.runsOnCpu) {
      // ONNX Runtime's own sums and products of integers go through doubles and saturate.
      if (op === "ReduceProd") {
        return this.reshape(
          axes.reduce((product, axis) => this.#wrappingProduct(product, axis), x),
          shape,
        );
      }
      if (op === "ReduceSum") {
        return x.size > exactTerms * sizeOf(shape)
          ? this.reshape(this.#sumInStages(x, axes), shape)
          : this.#wrappingSum(x, axes, keepDims);
      }
    }
    const isSum = op === "ReduceSum" || op === "ReduceMean";
    if (isSum && x.type === "float32" && this.stagesSums && isLongSum(x.shape, axes)) {
      const sum = this.#sumInStages(x, axes);
      const count = this.scalar(x.type, x.size / sum.size);
      return this.reshape(op === "ReduceMean" ? this.div(sum, count) : sum, shape);
    }
    return this.node(op, [x, this.indices(axes)], x.type, shape, { attributes: { keepdims: keepDims ? 1 : 0 } });
  }

  /** Constant padding, `[before, after]` for each axis. */
  pad(x: LazyValue, paddings: readonly (readonly [number, number])[], value: number): LazyValue {
    if (paddings.every(([before, after]) => before === 0 && after === 0)) {
      return x;
    }
    if (x.type === "bool") {
      // ONNX Runtime has no Pad of booleans.
      return this.asNumbers(x, (numbers) => this.pad(numbers, paddings, value));
    }
    const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    const amounts = this.indices([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    return this.node("Pad", [x, amounts, this.scalar(x.type, value)], x.type, shape);
  }

  /** `x` with zeros after its end, up to a shape. */
  padTo(x: LazyValue, shape: readonly number[]): LazyValue {
    const paddings = shape.map((size, axis) => [0, size - x.shape[axis]!] as const);
    return this.pad(x, paddings, 0);
  }

  /** `alpha · op(a) @ op(b)`; leading axes equal, or `b` a matrix shared by all of `a`. */
  matMul(a: LazyValue, b: LazyValue, transposeA = false, transposeB = false, alpha = 1): LazyValue {
    const rows = a.shape[a.shape.length - (transposeA ? 1 : 2)]!;
    const columns = b.shape[b.shape.length - (transposeB ? 2 : 1)]!;
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const shape = [...batch, rows, columns];
    if (!transposeA && !transposeB && alpha === 1) {
      return this.node("MatMul", [a, b], a.type, shape);
    }
    return this.node("FusedMatMul", [a, b], a.type, shape, {
      domain: "com.microsoft",
      attributes: { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: float(alpha) },
    });
  }

  /**
   * The last 32 bits of int64, as int64. Without this step between them ONNX Runtime would join a cast to int64 to the one
   * to int32, which saturates.
   */
  protected last32Bits(x: LazyValue): LazyValue {
    return this.binary("BitwiseAnd", x, this.scalar("int64", 2 ** 32 - 1));
  }

  /** A reduction of blocks `[batch, channels, height, width]` over axes of their usual form; undefined for other axes. */
  #reduceBlocks(op: string, blocked: LazyValue, axes: readonly number[]): LazyValue | undefined {
    const [batch, channels, height, width] = blocked.shape as [number, number, number, number];
    const block = this.blockSize!;
    const isAdding = op === "ReduceSum" || op === "ReduceMean";
    switch ([...axes].sort().join()) {
      case "0,1,2,3":
        return this.reduce(op, this.reshape(blocked, [blocked.size]), [0], false);
      case "1,2,3":
        return this.reduce(op, this.reshape(blocked, [batch, blocked.size / batch]), [1], false);
      case "1,2": {
        const means = isAdding ? this.meansOfBlocks(blocked) : undefined;
        if (means !== undefined) {
          return op === "ReduceSum" ? this.affine(means, height * width, 0) : means;
        }
        return this.reduce(op, this.reshape(blocked, [(batch * channels) / block, height * width, block]), [1], false);
      }
      case "0,1,2": {
        const means = isAdding ? this.meansOfBlocks(blocked) : undefined;
        if (means !== undefined) {
          const reduced = this.reduce(op, means, [0], false);
          return op === "ReduceSum" ? this.affine(reduced, height * width, 0) : reduced;
        }
        // One reduction at a time has a fast path over the outermost axis, and over a middle one.
        const sums = this.reduce(op, this.reshape(blocked, [batch, blocked.size / batch]), [0], false);
        return this.reduce(op, this.reshape(sums, [channels / block, height * width, block]), [1], false);
      }
      default:
        return undefined;
    }
  }

  /** A sum of float32 right to 1e-5, or of int32, without the reduced axes; kept ones may be joined. */
  #sumInStages(x: LazyValue, axes: readonly number[]): LazyValue {
    const stage = nextSumStage(x.shape, axes);
    const joined = this.reshape(x, stage.shape);
    if (stage.kind === "cut") {
      const { axis, size } = stage;
      const [first, rest] = this.split(joined, [size, joined.shape[axis]! - size], axis);
      return this.add(this.#sumInStages(first!, [axis]), this.#sumInStages(rest!, [axis]));
    }
    if (stage.kind === "split") {
      const last = stage.axes.at(-1)!;
      return this.#sumInStages(this.#sumInStages(joined, [last]), stage.axes.slice(0, -1));
    }
    if (x.type === "int32") {
      return this.#wrappingSum(joined, stage.axes, false);
    }
    const shape = reducedShape(joined.shape, stage.axes, false);
    return this.node("ReduceSum", [joined, this.indices(stage.axes)], x.type, shape, { attributes: { keepdims: 0 } });
  }

  /** The last 32 bits of a sum of int32 of at most {@link exactTerms} terms. */
  #wrappingSum(x: LazyValue, axes: readonly number[], keepDims: boolean): LazyValue {
    const sum = this.reduce("ReduceSum", this.rawCast(x, "float64"), axes, keepDims);
    return this.rawCast(this.last32Bits(this.rawCast(sum, "int64")), "int32");
  }

  /** The last 32 bits of products of int32 along an axis, of which 1 stays: halves are multiplied, which wraps around. */
  #wrappingProduct(x: LazyValue, axis: number): LazyValue {
    const size = x.shape[axis]!;
    if (size <= 1) {
      return x;
    }
    const half = Math.floor(size / 2);
    const [first, second, rest] = this.split(x, size % 2 === 0 ? [half, half] : [half, half, 1], axis);
    const product = this.mul(first!, second!);
    return this.#wrappingProduct(rest === undefined ? product : this.concat([product, rest], axis), axis);
  }

  /** The last 32 bits of floating-point numbers, as an Int32Array keeps them, in int64; NaN and infinities become 0. */
  #int32Bits(x: LazyValue): LazyValue {
    return this.last32Bits(this.rawCast(this.#inRangeOfInt64(x), "int64"));
  }

  #inRangeOfInt64(x: LazyValue): LazyValue {
    const zero = this.scalar(x.type, 0);
    if (x.type === "float32") {
      // From 2⁶³ on every float is a multiple of 2³².
      const inRange = this.binary("Less", this.unary("Abs", x), this.scalar(x.type, 2 ** 63), "bool");
      return this.where(inRange, x, zero);
    }
    const modulus = this.scalar(x.type, 2 ** 32);
    const rest = this.node("Mod", [x, modulus], x.type, x.shape, { attributes: { fmod: 1 } });
    return this.where(this.isNaN(rest), zero, rest);
  }
}

function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  return keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
}
