import * as tf from "@tensorflow/tfjs-core";
import { elementTypeOf } from "../runtime/element-type.js";
import { joined, partsOf } from "./complex.js";
import { type DataKernel, dataKernel, kernel, type NativeKernel } from "./kernel.js";

const identity = dataKernel(tf.Identity, ({ backend, inputs }) => backend.share(inputs.x!));

const reshape = dataKernel<tf.ReshapeAttrs>(tf.Reshape, ({ backend, inputs, attrs }) => {
  const x = inputs.x!;
  const size = tf.util.sizeFromShape(x.shape);
  const shape = tf.util.inferFromImplicitShape(attrs.shape, size);
  tf.util.assert(
    size === tf.util.sizeFromShape(shape),
    () => `The new shape (${shape}) has another size than the old shape (${x.shape}), ${size}; they must match.`,
  );
  return backend.share(x, shape);
});

const expandDims = dataKernel<tf.ExpandDimsAttrs>(tf.ExpandDims, ({ backend, inputs, attrs }) => {
  const input = inputs.input!;
  const rank = input.shape.length;
  tf.util.assert(
    -(rank + 1) <= attrs.dim && attrs.dim <= rank,
    () => `Axis must be in the interval [${-(rank + 1)}, ${rank}], got ${attrs.dim}.`,
  );
  const axis = attrs.dim < 0 ? rank + 1 + attrs.dim : attrs.dim;
  return backend.share(input, [...input.shape.slice(0, axis), 1, ...input.shape.slice(axis)]);
});

const fill = dataKernel<tf.FillAttrs>(tf.Fill, ({ backend, graph, attrs }) => {
  const type = elementTypeOf(attrs.dtype ?? tf.util.inferDtype(attrs.value));
  return type === undefined || typeof attrs.value !== "number"
    ? undefined
    : backend.adopt(graph.fill(type, attrs.shape, type === "int32" ? Math.trunc(attrs.value) : attrs.value));
});

const zerosLike = likeKernel(tf.ZerosLike, 0);
const onesLike = likeKernel(tf.OnesLike, 1);

const cast = dataKernel<tf.CastAttrs>(tf.Cast, ({ backend, graph, inputs, attrs }) => {
  const x = inputs.x!;
  if (x.dtype === attrs.dtype) {
    return backend.share(x);
  }
  const type = elementTypeOf(attrs.dtype);
  if (x.dtype === "string" || attrs.dtype === "string") {
    return undefined;
  }
  const value = x.dtype === "complex64" ? partsOf(backend, x)[0] : backend.value(x);
  return type === undefined
    ? joined(backend, graph.cast(value, "float32"), graph.fill("float32", x.shape, 0))
    : backend.adopt(graph.cast(value, type));
});

const select = kernel(tf.Select, ({ input, graph }) => {
  const [condition, t, e] = [input("condition"), input("t"), input("e")];
  if (t.type !== e.type) {
    return undefined;
  }
  // A condition of rank 1 selects whole rows.
  const rows = condition.shape.length === 1 && t.shape.length > 1;
  const spread = rows ? graph.reshape(condition, [condition.shape[0]!, ...t.shape.slice(1).map(() => 1)]) : condition;
  return graph.where(graph.cast(spread, "bool"), t, e);
});

/** A square matrix with the elements on its diagonal and zeros elsewhere. */
const diag = kernel(tf.Diag, ({ input, graph }) => {
  const x = input("x");
  const places = graph.iota("int32", x.size);
  const onDiagonal = graph.binary("Equal", places, graph.reshape(places, [x.size, 1]), "bool");
  const square = graph.where(onDiagonal, graph.reshape(x, [x.size]), graph.scalar(x.type, 0));
  return graph.reshape(square, [...x.shape, ...x.shape]);
});

const addN = kernel(tf.AddN, ({ inputs, backend, graph }) => {
  const values = (Object.values(inputs) as tf.TensorInfo[]).map((info) => backend.value(info));
  return values[0]!.type === "bool"
    ? undefined
    : values.slice(1).reduce((sum, value) => graph.add(sum, value), values[0]!);
});

export const creationKernels: readonly (NativeKernel | DataKernel)[] = [
  identity,
  reshape,
  expandDims,
  fill,
  zerosLike,
  onesLike,
  cast,
  select,
  diag,
  addN,
];

function likeKernel(name: string, value: number): DataKernel {
  return dataKernel(name, ({ backend, graph, inputs }) => {
    const x = inputs.x!;
    if (x.dtype === "complex64") {
      return joined(backend, graph.fill("float32", x.shape, value), graph.fill("float32", x.shape, 0));
    }
    const type = elementTypeOf(x.dtype);
    return type === undefined ? undefined : backend.adopt(graph.fill(type, x.shape, value));
  });
}
