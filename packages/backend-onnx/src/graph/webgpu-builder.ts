import type { ElementType } from "../runtime/element-type.js";
import { GraphBuilder } from "./graph-builder.js";
import type { LazyValue } from "./lazy-value.js";

/**
 * Records what ONNX Runtime's WebGPU provider has no kernel for by operators that it has, so that no node of a step runs on
 * the cpu with copies around it.
 *
 * Found with ONNX Runtime 1.30: nothing takes float64 and, but for indices, int64; booleans and integers are not sliced,
 * booleans neither tiled, split, joined nor transposed; `FusedMatMul`, `IsNaN`, `IsInf`, `LogSoftmax`, `Or` and `Round` are
 * missing. Doubles (int32 quotients, tangents, cumulative products) still go to the cpu, for the sake of their digits.
 */
export class WebGpuBuilder extends GraphBuilder {
  override readonly hasDoubles = false;

  /** Floats outside the range of int32 give any number. */
  override cast(x: LazyValue, type: ElementType): LazyValue {
    return x.type === "float32" ? this.rawCast(x, type) : super.cast(x, type);
  }

  override or(a: LazyValue, b: LazyValue): LazyValue {
    return this.not(this.binary("And", this.not(a), this.not(b), "bool"));
  }

  override isNaN(x: LazyValue): LazyValue {
    return x.type === "float32" ? this.not(this.binary("Equal", x, x, "bool")) : super.isNaN(x);
  }

  override isInfinite(x: LazyValue): LazyValue {
    return this.binary("Equal", this.abs(x), this.scalar(x.type, Number.POSITIVE_INFINITY), "bool");
  }

  override abs(x: LazyValue): LazyValue {
    return x.type === "int32" ? this.binary("Max", x, this.negate(x)) : super.abs(x);
  }

  override negate(x: LazyValue): LazyValue {
    return x.type === "int32" ? this.sub(this.scalar(x.type, 0), x) : super.negate(x);
  }

  override round(x: LazyValue): LazyValue {
    // Of large numbers, x + 0.5 is rounded itself, and x less its floor exact.
    const down = this.unary("Floor", x);
    const rest = this.sub(x, down);
    const half = this.affine(down, 0.5, 0);
    const isEven = this.binary("Equal", half, this.unary("Floor", half), "bool");
    const isBetween = this.binary("Equal", rest, this.scalar(x.type, 0.5), "bool");
    const isAbove = this.binary("Greater", rest, this.scalar(x.type, 0.5), "bool");
    const goesUp = this.or(isAbove, this.binary("And", isBetween, this.not(isEven), "bool"));
    return this.where(goesUp, this.affine(down, 1, 1), down);
  }

  override logSoftmax(x: LazyValue, axis: number): LazyValue {
    const shifted = this.sub(x, this.reduce("ReduceMax", x, [axis], true));
    return this.sub(shifted, this.unary("Log", this.reduce("ReduceSum", this.unary("Exp", shifted), [axis], true)));
  }

  /** Nothing but a gather reads int64. */
  override smallIndices(indices: LazyValue, limit: number): LazyValue {
    return this.gather(this.#places(limit, 0, 1), indices, 0);
  }

  override matMul(a: LazyValue, b: LazyValue, transposeA = false, transposeB = false, alpha = 1): LazyValue {
    if (a.type !== "float32" || (!transposeA && !transposeB && alpha === 1)) {
      return super.matMul(a, b, transposeA, transposeB, alpha);
    }
    const [left, right] = [transposeA ? this.#turned(a) : a, transposeB ? this.#turned(b) : b];
    if (alpha === 1) {
      return super.matMul(left, right);
    }
    return a.size < b.size
      ? super.matMul(this.affine(left, alpha, 0), right)
      : super.matMul(left, this.affine(right, alpha, 0));
  }

  override tile(x: LazyValue, repetitions: readonly number[]): LazyValue {
    return this.asNumbers(x, (numbers) => super.tile(numbers, repetitions));
  }

  override transpose(x: LazyValue, permutation: readonly number[]): LazyValue {
    return this.asNumbers(x, (numbers) => super.transpose(numbers, permutation));
  }

  override concat(values: readonly LazyValue[], axis: number): LazyValue {
    if (values[0]!.type !== "bool" || values.length === 1) {
      return super.concat(values, axis);
    }
    const numbers = values.map((value) => this.rawCast(value, "int32"));
    return this.rawCast(super.concat(numbers, axis), "bool");
  }

  override split(x: LazyValue, sizes: readonly number[], axis: number): LazyValue[] {
    if (x.type !== "bool" || sizes.length === 1) {
      return super.split(x, sizes, axis);
    }
    return super.split(this.rawCast(x, "int32"), sizes, axis).map((part) => this.rawCast(part, "bool"));
  }

  override slice(
    x: LazyValue,
    begin: readonly number[],
    size: readonly number[],
    steps?: readonly number[],
  ): LazyValue {
    const isForward = steps?.every((step) => step > 0) ?? true;
    if (x.type === "float32" && isForward) {
      return super.slice(x, begin, size, steps);
    }
    return size.reduce((rest, count, axis) => {
      const [first, step] = [begin[axis]!, steps?.[axis] ?? 1];
      const isWhole = first === 0 && step === 1 && count === x.shape[axis];
      return isWhole ? rest : this.gather(rest, this.#places(count, first, step), axis);
    }, x);
  }

  override reverse(x: LazyValue, axes: readonly number[]): LazyValue {
    return axes.reduce((rest, axis) => {
      const size = x.shape[axis]!;
      return this.gather(rest, this.#places(size, size - 1, -1), axis);
    }, x);
  }

  /** `count` int32 numbers, the first one and then `step` apart. */
  #places(count: number, first: number, step: number): LazyValue {
    return this.named("int32", `places ${count} ${first} ${step}`, () =>
      Int32Array.from({ length: count }, (_, i) => first + i * step),
    );
  }

  /** The last two axes exchanged. */
  #turned(x: LazyValue): LazyValue {
    const last = x.shape.length - 1;
    return this.transpose(x, [...x.shape.keys()].slice(0, -2).concat(last, last - 1));
  }
}
