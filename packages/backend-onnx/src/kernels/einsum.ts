import * as tf from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.js";

export const einsum = kernel<tf.EinsumAttrs>(tf.Einsum, ({ inputs, backend, attrs, graph }) => {
  const infos = Object.values(inputs) as tf.TensorInfo[];
  const { allDims, summedDims, idDims } = tf.backend_util.decodeEinsumEquation(attrs.equation, infos.length);
  tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, infos as tf.Tensor[]);
  const values = infos.map((info) => backend.value(info));
  const { type } = values[0]!;
  if (type === "bool" || values.some((value) => value.type !== type)) {
    return undefined;
  }
  const sizes: number[] = [];
  values.forEach(({ shape }, term) => {
    shape.forEach((size, axis) => {
      sizes[idDims[term]![axis]!] = size;
    });
  });
  // All axes, those of the result first: what is not summed over.
  const shape = sizes.filter((_, dim) => !summedDims.includes(dim));
  return graph.node("Einsum", values, type, shape, { attributes: { equation: attrs.equation.replace(/\s/g, "") } });
});
