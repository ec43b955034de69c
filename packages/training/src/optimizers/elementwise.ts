import * as tf from "@tensorflow/tfjs-core";

/**
 * Applies an elementwise function to many tensors; all vectors go through it joined into one.
 *
 * A model has a few matrices and many short vectors (biases, gains), and a backend spends as long on starting an
 * operation for a short vector as on computing it. The results are those of one call each, bit for bit.
 *
 * @param inputs - For each variable the tensors that `apply` takes, all of the variable's shape; borrowed.
 * @param apply - From tensors of one shape to tensors of that shape, element by element.
 * @returns For each variable what `apply` gives.
 */
export function applyElementwise(
  inputs: readonly (readonly tf.Tensor[])[],
  apply: (tensors: readonly tf.Tensor[]) => readonly tf.Tensor[],
): readonly (readonly tf.Tensor[])[] {
  const isVector = ([first]: readonly tf.Tensor[]) => first!.rank === 1;
  const vectors = inputs.filter(isVector);
  if (vectors.length < 2) {
    return inputs.map(apply);
  }
  const sizes = vectors.map(([first]) => first!.size);
  const joined = vectors[0]!.map((_, position) => tf.concat(vectors.map((tensors) => tensors[position]!)));
  const parts = apply(joined).map((result) => tf.split(result, sizes));
  let next = 0;
  return inputs.map((tensors) => {
    if (!isVector(tensors)) {
      return apply(tensors);
    }
    const index = next++;
    return parts.map((part) => part[index]!);
  });
}
