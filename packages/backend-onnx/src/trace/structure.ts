import * as tf from "@tensorflow/tfjs-core";

/** A tensor, or arrays and plain objects of tensors and primitive values, nested to any depth. */
export type TensorStructure =
  | tf.Tensor
  | readonly TensorStructure[]
  | { readonly [name: string]: TensorStructure }
  | number
  | string
  | boolean
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a compiled function may return nothing and assign variables.
  | void;

/** The tensors of a structure, in an order that depends only on the nesting. */
export function tensorsOf(structure: TensorStructure): tf.Tensor[] {
  const tensors: tf.Tensor[] = [];
  mapTensors(structure, (tensor) => {
    tensors.push(tensor);
    return tensor;
  });
  return tensors;
}

/** Copies a structure with its tensors replaced. */
export function mapTensors<Structure extends TensorStructure>(
  structure: Structure,
  replace: (tensor: tf.Tensor) => tf.Tensor,
): Structure {
  const map = (part: TensorStructure): TensorStructure => {
    if (part instanceof tf.Tensor) {
      return replace(part);
    }
    if (Array.isArray(part)) {
      return part.map(map);
    }
    if (typeof part === "object" && part !== null) {
      return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, map(value)]));
    }
    return part;
  };
  return map(structure) as Structure;
}

/** The signature of inputs: equal text for equal shapes, dtypes, nesting and primitive values. */
export function signatureOf(structure: TensorStructure): string {
  if (structure instanceof tf.Tensor) {
    return `${structure.dtype}[${structure.shape.join()}]`;
  }
  if (Array.isArray(structure)) {
    return `(${structure.map(signatureOf).join(";")})`;
  }
  if (typeof structure === "object" && structure !== null) {
    const parts = Object.entries(structure).map(([name, value]) => `${JSON.stringify(name)}:${signatureOf(value)}`);
    return `{${parts.join(";")}}`;
  }
  if (typeof structure === "string") {
    return `string ${JSON.stringify(structure)}`;
  }
  return `${typeof structure} ${Object.is(structure, -0) ? "-0" : String(structure)}`;
}
