import { type ElementType, onnxTypeCodes } from "../runtime/element-type.js";
import { BlockBuilder } from "./block-builder.js";
import type { LazyValue } from "./lazy-value.js";
import { broadcastShape, sameShape } from "./shape-builder.js";

/** Records operators that are one node, or nearly. */
export class OperatorBuilder extends BlockBuilder {
  /** An operator of one operand that keeps shape and type. */
  unary(op: string, x: LazyValue): LazyValue {
    return this.elementwise(op, [x], x.type);
  }

  /** A broadcasting operator of two values of one type; comparisons pass `"bool"` as the type of the result. */
  binary(op: string, a: LazyValue, b: LazyValue, type: ElementType = a.type): LazyValue {
    const shape = broadcastShape(a.shape, b.shape);
    const first = this.#asScalar(a, shape, b);
    // Only one of the two may become a scalar: the other has the result's shape.
    return this.elementwise(op, [first, first === a ? this.#asScalar(b, shape, a) : b], type);
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
    if (a.type === "bool") {
      // ONNX Runtime has no Where of booleans.
      const chosen = this.where(condition, this.rawCast(a, "int32"), this.rawCast(b, "int32"));
      return this.rawCast(chosen, "bool");
    }
    const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape));
    const operands = [a, b].map((operand) => this.#asScalar(operand, shape, condition));
    return this.elementwise("Where", [condition, ...operands], a.type);
  }

  not(x: LazyValue): LazyValue {
    return this.elementwise("Not", [x], "bool");
  }

  or(a: LazyValue, b: LazyValue): LazyValue {
    return this.binary("Or", a, b, "bool");
  }

  isNaN(x: LazyValue): LazyValue {
    return this.elementwise("IsNaN", [x], "bool");
  }

  isInfinite(x: LazyValue): LazyValue {
    return this.elementwise("IsInf", [x], "bool");
  }

  abs(x: LazyValue): LazyValue {
    return this.unary("Abs", x);
  }

  negate(x: LazyValue): LazyValue {
    return this.unary("Neg", x);
  }

  /** The nearest whole numbers, even ones where two are equally near. */
  round(x: LazyValue): LazyValue {
    return this.unary("Round", x);
  }

  /** `x` where it lies between two bounds, else the nearer one. */
  clip(x: LazyValue, min: number, max: number): LazyValue {
    return this.elementwise("Clip", [x, this.scalar(x.type, min), this.scalar(x.type, max)], x.type);
  }

  /** What stands in `x` at places, int64, whose last axis goes along the first axes of `x`. */
  gatherNd(x: LazyValue, places: LazyValue): LazyValue {
    const shape = [...places.shape.slice(0, -1), ...x.shape.slice(places.shape.at(-1)!)];
    return this.node("GatherND", [x, places], x.type, shape);
  }

  /** `x` repeated so many times along each axis. */
  tile(x: LazyValue, repetitions: readonly number[]): LazyValue {
    const shape = x.shape.map((size, axis) => size * repetitions[axis]!);
    return this.node("Tile", [x, this.indices(repetitions)], x.type, shape);
  }

  /** The index of the extremum along an axis, int32, the first one of several; `ArgMax` or `ArgMin`. */
  indexOf(op: "ArgMax" | "ArgMin", x: LazyValue, axis: number): LazyValue {
    const shape = x.shape.filter((_, i) => i !== axis);
    const found = this.node(op, [x], "int64", shape, { attributes: { axis, keepdims: 0 } });
    return this.smallIndices(found, x.shape[axis]!);
  }

  /** int64 indices below `limit`, as int32. */
  smallIndices(indices: LazyValue, _limit: number): LazyValue {
    return this.rawCast(indices, "int32");
  }

  logSoftmax(x: LazyValue, axis: number): LazyValue {
    return this.node("LogSoftmax", [x], x.type, x.shape, { attributes: { axis } });
  }

  /** ONNX's own cast, without the extra nodes for floats outside the range of int32. */
  rawCast(x: LazyValue, type: ElementType): LazyValue {
    return x.type === type ? x : this.elementwise("Cast", [x], type, { attributes: { to: onnxTypeCodes[type] } });
  }

  /** Moves elements, booleans as numbers. */
  protected asNumbers(x: LazyValue, move: (x: LazyValue) => LazyValue): LazyValue {
    return x.type === "bool" ? this.rawCast(move(this.rawCast(x, "int32")), "bool") : move(x);
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
