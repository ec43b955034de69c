import type * as tf from "@tensorflow/tfjs-core";

/**
 * A function of tensors by name to tensors by name, with all that a file of it for other runtimes needs: what `exportOnnx`
 * of `@mmgen/backend-onnx` takes.
 */
export interface ExportableFunction {
  /** Borrows its inputs; reads no values, and assigns no variables but those of `state`. */
  readonly run: (inputs: tf.NamedTensorMap) => tf.NamedTensorMap;
  /** Shape and type of each input, in order; a name is a size that is left open. */
  readonly inputs: Readonly<
    Record<string, { readonly shape: readonly (number | string)[]; readonly dtype: "float32" | "int32" | "bool" }>
  >;
  /** Variables that are inputs of the file, and whose new values are outputs named `next.<name>`. */
  readonly state?: ReadonlyMap<string, tf.Variable>;
  /** Names of the weights that the file holds. */
  readonly weights?: ReadonlyMap<string, tf.Tensor>;
  /** Three numbers that an open size can have, by its name, where what is computed depends on how large it is. */
  readonly openSizes?: Readonly<Record<string, readonly [number, number, number]>>;
  /** Texts that the file holds, by key. */
  readonly metadata?: Readonly<Record<string, string>>;
}
