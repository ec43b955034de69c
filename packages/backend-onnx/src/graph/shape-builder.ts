import { backend_util } from "@tensorflow/tfjs-core";
import type { LazyValue } from "./lazy-value.js";
import { Recorder } from "./recorder.js";

/** Records operators that move elements and compute none. */
export class ShapeBuilder extends Recorder {
  readonly #maxOutputs: number;

  /** @param maxOutputs - Maximum number of outputs of one node; a split into more is recorded as several nodes. */
  constructor(maxOutputs: number) {
    super();
    this.#maxOutputs = maxOutputs;
  }

  reshape(x: LazyValue, shape: readonly number[]): LazyValue {
    if (sameShape(x.shape, shape)) {
      return x;
    }
    // A reshape of a reshape needs only the second one.
    const producer = x.openProducer;
    const source = producer?.op === "Reshape" ? producer.inputs[0]! : x;
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
    const producer = x.openProducer;
    if (producer?.op === "Transpose") {
      const earlier = producer.attributes!.perm as readonly number[];
      return this.transpose(
        producer.inputs[0]!,
        permutation.map((axis) => earlier[axis]!),
      );
    }
    const shape = permutation.map((axis) => x.shape[axis]!);
    // Axes of size 1 may stand anywhere: only the order of the others is in memory.
    const moved = permutation.filter((axis) => x.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) {
      return this.reshape(x, shape);
    }
    return this.node("Transpose", [x], x.type, shape, { attributes: { perm: permutation } });
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
    const parts = unsplit(values, axis);
    const first = parts[0]!;
    if (parts.length === 1) {
      return first;
    }
    const shape = [...first.shape];
    shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    return this.node("Concat", parts, first.type, shape, { attributes: { axis } });
  }

  /** `x` with elements of `value` before and after each axis, `[before, after]` of them, as operators that any type has. */
  surround(x: LazyValue, paddings: readonly (readonly [number, number])[], value: number): LazyValue {
    return paddings.reduce((padded, [before, after], axis) => {
      const edge = (size: number) => {
        const shape = padded.shape.map((length, at) => (at === axis ? size : length));
        return size === 0 ? [] : [this.fill(x.type, shape, value)];
      };
      return this.concat([...edge(before), padded, ...edge(after)], axis);
    }, x);
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
}

/** Values to join along an axis; where all parts of a split along it follow each other, what was split stands for them. */
function unsplit(values: readonly LazyValue[], axis: number): readonly LazyValue[] {
  const joined: LazyValue[] = [];
  for (const value of values) {
    joined.push(value);
    for (let whole = wholeAtEnd(joined, axis); whole !== undefined; whole = wholeAtEnd(joined, axis)) {
      joined.splice(-whole.parts, whole.parts, whole.value);
    }
  }
  return joined;
}

/** What was split into the last of some values, and into how many; undefined where they are not all of its parts. */
function wholeAtEnd(values: readonly LazyValue[], axis: number) {
  const last = values.at(-1)!;
  // What is computed in blocks is no part; asking for its producer would record the way back.
  const producer = last.inBlocks ? undefined : last.openProducer;
  if (producer?.op !== "Split" || producer.attributes!.axis !== axis) {
    return undefined;
  }
  const parts = producer.outputs;
  const start = values.length - parts.length;
  return parts.every((part, i) => part === values[start + i])
    ? { value: producer.inputs[0]!, parts: parts.length }
    : undefined;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((size, axis) => size === b[axis]));
}

export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a === b || sameShape(a, b)) {
    return a;
  }
  return backend_util.assertAndGetBroadcastShape([...a], [...b]);
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
