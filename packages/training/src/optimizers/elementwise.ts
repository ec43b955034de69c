import { groupsEqualShapes } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Tensors that are computed as one. */
export interface TensorGroup {
  /** Where they stand among all. */
  readonly places: readonly number[];
  /** One of theirs, or of others of their shapes. */
  join(tensors: readonly tf.Tensor[]): tf.Tensor;
  /** The inverse of `join`. */
  part(joined: tf.Tensor): readonly tf.Tensor[];
}

/** CUDA's kernels take up to so many equal parts as they are; of more they copy the addresses to the device first. */
const maxJoined = 32;

/**
 * Which tensors had better be computed as one.
 *
 * A model has a few matrices and many short vectors (biases, gains), and a backend spends as long on starting an
 * operation for a short vector as on computing it: all vectors are joined end to end, and come last. CUDA spends as long on
 * starting one for most matrices too, and parts of unequal size are slow to join: where the backend asks for it, tensors of
 * equal shape are joined, along their first axis, so that none needs another shape for it.
 */
export function groupsOf(tensors: readonly tf.Tensor[]): readonly TensorGroup[] {
  const places = [...tensors.keys()];
  if (groupsEqualShapes()) {
    const shapes = new Map<string, number[]>();
    for (const place of places) {
      const key = tensors[place]!.shape.join();
      shapes.set(key, [...(shapes.get(key) ?? []), place]);
    }
    return [...shapes.values()].flatMap((equal) => chunks(equal).map((some) => groupAt(some, tensors)));
  }
  const isVector = (place: number) => tensors[place]!.rank === 1;
  const [vectors, others] = [places.filter(isVector), places.filter((place) => !isVector(place))];
  return [...others.map((place) => [place]), ...(vectors.length > 0 ? [vectors] : [])].map((some) =>
    groupAt(some, tensors),
  );
}

/**
 * Applies an elementwise function to many tensors, to those of a {@link groupsOf group} at once. The results are those of
 * one call each, bit for bit.
 *
 * @param inputs - For each variable the tensors that `apply` takes, all of the variable's shape; borrowed.
 * @param apply - From tensors of one shape to tensors of that shape, element by element.
 * @returns For each variable what `apply` gives.
 */
export function applyElementwise(
  inputs: readonly (readonly tf.Tensor[])[],
  apply: (tensors: readonly tf.Tensor[]) => readonly tf.Tensor[],
): readonly (readonly tf.Tensor[])[] {
  const results = new Array<readonly tf.Tensor[]>(inputs.length);
  for (const { places, join, part } of groupsOf(inputs.map(([first]) => first!))) {
    const operands = inputs[places[0]!]!.map((_, i) => join(places.map((place) => inputs[place]![i]!)));
    const parts = apply(operands).map(part);
    for (const [i, place] of places.entries()) {
      results[place] = parts.map((ofAll) => ofAll[i]!);
    }
  }
  return results;
}

/** Cuts a list into as few parts as may be joined at once, of sizes as equal as can be. */
export function chunks<T>(all: readonly T[]): readonly T[][] {
  const count = Math.ceil(all.length / maxJoined);
  const cut = (i: number) => Math.round((i * all.length) / count);
  return Array.from({ length: count }, (_, i) => all.slice(cut(i), cut(i + 1)));
}

function groupAt(places: readonly number[], tensors: readonly tf.Tensor[]): TensorGroup {
  const first = tensors[places[0]!]!;
  if (places.length === 1) {
    return { places, join: ([tensor]) => tensor!, part: (tensor) => [tensor] };
  }
  if (first.rank === 0) {
    return { places, join: (scalars) => tf.stack([...scalars]), part: (vector) => tf.unstack(vector) };
  }
  const sizes = places.map((place) => tensors[place]!.shape[0]!);
  return { places, join: (parts) => tf.concat([...parts], 0), part: (joined) => tf.split(joined, sizes, 0) };
}
