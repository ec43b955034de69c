import { GraphBuilder } from "./graph-builder.js";
import type { LazyValue } from "./lazy-value.js";

/**
 * Records what ONNX Runtime's CUDA provider has no kernel for by operators that it has: one node on the cpu costs two copies,
 * and a graph that has one is not captured.
 *
 * By ONNX Runtime's table of kernels: booleans are not tiled; int32 is neither clipped, padded, gathered at rows of indices
 * nor searched for its extremes; there are no operators of bits. Hyperbolic and inverse trigonometric functions, but for the
 * hyperbolic tangent, and Fourier transforms are missing too, and go to the cpu.
 */
export class CudaBuilder extends GraphBuilder {
  override readonly groupsEqualShapes = true;

  override tile(x: LazyValue, repetitions: readonly number[]): LazyValue {
    return this.asNumbers(x, (numbers) => super.tile(numbers, repetitions));
  }

  override clip(x: LazyValue, min: number, max: number): LazyValue {
    if (x.type !== "int32") {
      return super.clip(x, min, max);
    }
    const [low, high] = [this.scalar(x.type, min), this.scalar(x.type, max)];
    return this.binary("Min", this.binary("Max", x, low), high);
  }

  override pad(x: LazyValue, paddings: readonly (readonly [number, number])[], value: number): LazyValue {
    const isFloating = x.type === "float32" || x.type === "float64";
    return isFloating ? super.pad(x, paddings, value) : this.surround(x, paddings, value);
  }

  override gatherNd(x: LazyValue, places: LazyValue): LazyValue {
    return x.type === "int32"
      ? this.rawCast(super.gatherNd(this.rawCast(x, "int64"), places), x.type)
      : super.gatherNd(x, places);
  }

  /** Doubles hold every int32. */
  override indexOf(op: "ArgMax" | "ArgMin", x: LazyValue, axis: number): LazyValue {
    return super.indexOf(op, x.type === "int32" ? this.rawCast(x, "float64") : x, axis);
  }

  /** The remainder has the sign of the divisor, and so the bits of a mask. */
  protected override last32Bits(x: LazyValue): LazyValue {
    return this.binary("Mod", x, this.scalar("int64", 2 ** 32));
  }
}
