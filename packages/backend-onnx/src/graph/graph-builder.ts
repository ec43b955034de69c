import { backend_util } from "@tensorflow/tfjs-core";
import { type ElementType, onnxTypeCodes } from "../runtime/element-type.js";
import { float, type LazyValue } from "./lazy-value.js";
import { Recorder } from "./recorder.js";

/** Records ONNX operators and infers the shapes of their results. */
export class GraphBuilder extends Recorder {
  readonly #maxOutputs: number;

  /** @param maxOutputs - Maximum number of outputs of one node; a split into more is recorded as several nodes. */
  constructor(maxOutputs = Number.POSITIVE_INFINITY) {
    super();
    this.#maxOutputs = maxOutputs;
  }

  /** An operator of one operand that keeps shape and type. */

  unary(op: string, x: LazyValue): LazyValue {
    return this.node(op, [x], x.type, x.shape);
  }

  /** A broadcasting operator of two values of one type; comparisons pass `"bool"` as the type of the result. */
  binary(op: string, a: LazyValue, b: LazyValue, type: ElementType = a.type): LazyValue {
    const shape = broadcastShape(a.shape, b.shape);
    const first = this.#asScalar(a, shape, b);
    // Only one of the two may become a scalar: the other has the result's shape.
    return this.node(op, [first, first === a ? this.#asScalar(b, shape, a) : b], type, shape);
  }

  add(a: LazyValue, b: LazyValue): LazyValue {
    return this.binary("Add", a, b);
  }

  sub(a: LazyValue, b: LazyValue): LazyValue {
    return this.binary("Sub", a, b);
  }

  mul(a: LazyValue, b: LazyValue): LazyValue {
    const shape = broadcastShape(a.shape, b.shape);
    if (a.splat === 1) {
      return this.expand(b, shape);
    }
    if (b.splat === 1) {
      return this.expand(a, shape);
    }
    return this.binary("Mul", a, b);
  }

  div(a: LazyValue, b: LazyValue): LazyValue {
    return this.binary("Div", a, b);
  }

  /** `a * scale + offset`; a scale of 1 or an offset of 0 adds no node. */
  affine(a: LazyValue, scale: number, offset: number): LazyValue {
    const scaled = scale === 1 ? a : this.mul(a, this.scalar(a.type, scale));
    return offset === 0 ? scaled : this.add(scaled, this.scalar(a.type, offset));
  }

  where(condition: LazyValue, a: LazyValue, b: LazyValue): LazyValue {
    const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape));
    if (a.type === "bool") {
      // ONNX Runtime has no Where of booleans.
      const chosen = this.where(condition, this.cast(a, "int32"), this.cast(b, "int32"));
      return this.cast(chosen, "bool");
    }
    return this.node("Where", [condition, a, b], a.type, shape);
  }

  not(x: LazyValue): LazyValue {
    return this.node("Not", [x], "bool", x.shape);
  }

  /** Casts with tfjs's semantics: floats become int32 as in an Int32Array, modulo 2³². */
  cast(x: LazyValue, type: ElementType): LazyValue {
    if (x.type === type) {
      return x;
    }
    const floating = x.type === "float32" || x.type === "float64";
    return this.rawCast(type === "int32" && floating ? this.#int32Bits(x) : x, type);
  }

  /** ONNX's own cast, without the extra nodes for floats outside the range of int32. */
  rawCast(x: LazyValue, type: ElementType): LazyValue {
    return x.type === type ? x : this.node("Cast", [x], type, x.shape, { attributes: { to: onnxTypeCodes[type] } });
  }

  reshape(x: LazyValue, shape: readonly number[]): LazyValue {
    if (sameShape(x.shape, shape)) {
      return x;
    }
    // A reshape of a reshape needs only the second one.
    const source = x.producer?.op === "Reshape" ? x.producer.inputs[0]! : x;
    if (sameShape(source.shape, shape)) {
      return source;
    }
    const reshaped = this.node("Reshape", [source, this.indices(shape)], x.type, shape);
    reshaped.splat = x.splat;
    return reshaped;
  }

  expand(x: LazyValue, shape: readonly number[]): LazyValue {
    if (sameShape(x.shape, shape)) {
      return x;
    }
    const expanded = this.node("Expand", [x, this.indices(shape)], x.type, shape);
    expanded.splat = x.splat;
    return expanded;
  }

  /** `x` expanded to the shape of its broadcast with `other`. */
  expandTo(x: LazyValue, other: LazyValue): LazyValue {
    return this.expand(x, broadcastShape(x.shape, other.shape));
  }

  transpose(x: LazyValue, permutation: readonly number[]): LazyValue {
    if (permutation.every((axis, i) => axis === i)) {
      return x;
    }
    const producer = x.producer;
    if (producer?.op === "Transpose") {
      const earlier = producer.attributes!.perm as readonly number[];
      return this.transpose(
        producer.inputs[0]!,
        permutation.map((axis) => earlier[axis]!),
      );
    }
    const shape = permutation.map((axis) => x.shape[axis]!);
    return this.node("Transpose", [x], x.type, shape, { attributes: { perm: permutation } });
  }

  /** A reducing operator (`ReduceSum`, `ReduceMean`, `ReduceMax`, …) over `axes`. */
  reduce(op: string, x: LazyValue, axes: readonly number[], keepDims: boolean): LazyValue {
    if (axes.length === 0) {
      return x;
    }
    const shape = reducedShape(x.shape, axes, keepDims);
    return this.node(op, [x, this.indices(axes)], x.type, shape, { attributes: { keepdims: keepDims ? 1 : 0 } });
  }

  slice(x: LazyValue, begin: readonly number[], size: readonly number[], steps?: readonly number[]): LazyValue {
    const axes = begin.map((_, axis) => axis).filter((axis) => begin[axis] !== 0 || size[axis] !== x.shape[axis]);
    if (axes.length === 0) {
      return x;
    }
    const at = (values: readonly number[]) => this.indices(axes.map((axis) => values[axis]!));
    const step = steps ?? begin.map(() => 1);
    // The end is just past the last element, so that a negative step does not wrap around at -1.
    const end = begin.map((first, axis) => {
      const last = first + (size[axis]! - 1) * step[axis]!;
      return step[axis]! > 0 ? last + 1 : last - 1 < 0 ? -(x.shape[axis]! + 1) : last - 1;
    });
    const inputs = [x, at(begin), at(end), this.indices(axes)];
    if (steps !== undefined) {
      inputs.push(at(steps));
    }
    return this.node("Slice", inputs, x.type, size);
  }

  concat(values: readonly LazyValue[], axis: number): LazyValue {
    const first = values[0]!;
    if (values.length === 1) {
      return first;
    }
    const shape = [...first.shape];
    shape[axis] = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
    return this.node("Concat", values, first.type, shape, { attributes: { axis } });
  }

  split(x: LazyValue, sizes: readonly number[], axis: number): LazyValue[] {
    if (sizes.length === 1) {
      return [x];
    }
    if (sizes.length > this.#maxOutputs) {
      const part = Math.ceil(sizes.length / this.#maxOutputs);
      const groups = Array.from({ length: Math.ceil(sizes.length / part) }, (_, i) =>
        sizes.slice(i * part, (i + 1) * part),
      );
      const totals = groups.map((group) => group.reduce((total, size) => total + size, 0));
      return this.split(x, totals, axis).flatMap((values, i) => this.split(values, groups[i]!, axis));
    }
    const outputs = sizes.map((size) => ({ type: x.type, shape: x.shape.map((d, i) => (i === axis ? size : d)) }));
    return this.nodes("Split", [x, this.indices(sizes)], outputs, { attributes: { axis } });
  }

  /** Constant padding, `[before, after]` for each axis. */
  pad(x: LazyValue, paddings: readonly (readonly [number, number])[], value: number): LazyValue {
    if (paddings.every(([before, after]) => before === 0 && after === 0)) {
      return x;
    }
    if (x.type === "bool") {
      // ONNX Runtime has no Pad of booleans.
      return this.cast(this.pad(this.cast(x, "int32"), paddings, value), "bool");
    }
    const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    const amounts = this.indices([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    return this.node("Pad", [x, amounts, this.scalar(x.type, value)], x.type, shape);
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

  /** The integers from 0 to `size - 1`. */
  iota(type: "int32" | "int64", size: number): LazyValue {
    const [first, end, step] = [0, size, 1].map((number) => this.scalar(type, number));
    return this.node("Range", [first!, end!, step!], type, [size]);
  }

  /** `x` at integer `indices` of any shape, along `axis`. */
  gather(x: LazyValue, indices: LazyValue, axis: number): LazyValue {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.node("Gather", [x, indices], x.type, shape, { attributes: { axis } });
  }

  /** `x` with its elements in reverse order along `axes`. */
  reverse(x: LazyValue, axes: readonly number[]): LazyValue {
    if (axes.length === 0) {
      return x;
    }
    const each = (value: (axis: number) => number) => this.indices(axes.map(value));
    const inputs = [x, each(() => -1), each((axis) => -(x.shape[axis]! + 1)), each((axis) => axis), each(() => -1)];
    return this.node("Slice", inputs, x.type, x.shape);
  }

  /** The last 32 bits of floating-point numbers, as an Int32Array keeps them, in int64; NaN and infinities become 0. */
  #int32Bits(x: LazyValue): LazyValue {
    const bits = this.rawCast(this.#inRangeOfInt64(x), "int64");
    // Without the mask ONNX Runtime would join this cast to the next one, which saturates.
    return this.binary("BitwiseAnd", bits, this.scalar("int64", 2 ** 32 - 1));
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
    return this.where(this.node("IsNaN", [rest], "bool", x.shape), zero, rest);
  }

  /** Replaces a value whose elements are all equal by a scalar, where the other operand has the result's shape. */
  #asScalar(value: LazyValue, shape: readonly number[], other: LazyValue): LazyValue {
    return value.splat !== undefined &&
      value.shape.length > 0 &&
      value.constantKey === undefined &&
      sameShape(other.shape, shape)
      ? this.scalar(value.type, value.splat)
      : value;
  }
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return backend_util.assertAndGetBroadcastShape([...a], [...b]);
}

function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  return keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
}
