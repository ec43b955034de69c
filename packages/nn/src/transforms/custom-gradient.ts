import * as tf from "@tensorflow/tfjs-core";

/** One tensor for each tensor among the inputs, `undefined` for what was not given. */
export type GradientsOf<Inputs extends readonly (tf.Tensor | undefined)[]> = {
  readonly [K in keyof Inputs]: undefined extends Inputs[K] ? tf.Tensor | undefined : tf.Tensor;
};

/** A function and its gradient; see {@link customGradient}. */
export interface CustomGradient<
  Inputs extends readonly (tf.Tensor | undefined)[],
  Saved extends readonly (tf.Tensor | undefined)[],
  Value extends tf.Tensor,
> {
  /** Computes the value, and names what the gradient will read; nothing inside is recorded on the tape. */
  forward(...inputs: Inputs): { readonly value: Value; readonly saved: readonly [...Saved] };
  /**
   * Computes the gradient of each input from that of the value, in the order of the inputs.
   *
   * @param dy - Shaped as the value.
   * @param saved - What `forward` named.
   */
  gradient(dy: Value, saved: Saved): GradientsOf<Inputs>;
}

/**
 * Computes a value with a gradient of its own, in place of the one that TensorFlow.js would compose: `tf.customGrad`
 * with types, and with inputs that may be absent.
 *
 * ```ts
 * const square = (x: tf.Tensor) =>
 *   customGradient([x], {
 *     forward: (x) => ({ value: tf.mul(x, x), saved: [x] }),
 *     gradient: (dy, [x]) => [tf.mul(tf.mul(x, 2), dy)],
 *   });
 * ```
 *
 * @param inputs - What gradients reach; borrowed. An input that is `undefined` is passed on as such.
 * @param definition - The value and its gradient. Tensors that it closes over are constants to the tape.
 * @returns The value; yours to dispose.
 */
export function customGradient<
  const Inputs extends readonly (tf.Tensor | undefined)[],
  Saved extends readonly (tf.Tensor | undefined)[],
  Value extends tf.Tensor,
>(inputs: Inputs, { forward, gradient }: CustomGradient<Inputs, Saved, Value>): Value {
  const given = inputs.filter(isTensor);
  const run = tf.customGrad((...args) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const { value, saved } = forward(...(spread(inputs, args as tf.Tensor[]) as unknown as Inputs));
    save(saved.filter(isTensor));
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]) =>
      gradient(dy as Value, spread(saved, kept) as unknown as Saved).filter((_, i) =>
        isTensor(inputs[i]),
      ) as tf.Tensor[];
    return { value, gradFunc };
  });
  return run(...given) as Value;
}

/** Lays `values` out where `places` has tensors. */
function spread(places: readonly (tf.Tensor | undefined)[], values: readonly tf.Tensor[]): (tf.Tensor | undefined)[] {
  let next = 0;
  return places.map((place) => (isTensor(place) ? values[next++] : undefined));
}

function isTensor(value: tf.Tensor | undefined): value is tf.Tensor {
  return value !== undefined;
}
