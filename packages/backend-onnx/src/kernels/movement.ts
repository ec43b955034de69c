import * as tf from "@tensorflow/tfjs-core";
import { joined, partsOf } from "./complex.js";
import { kernel, type NativeKernel } from "./kernel.js";

const transpose = kernel<tf.TransposeAttrs>(tf.Transpose, ({ input, attrs, graph }) =>
  graph.transpose(input("x"), attrs.perm),
);

const slice = kernel<tf.SliceAttrs>(
  tf.Slice,
  ({ input, attrs, graph }) => {
    const x = input("x");
    // tfjs expects a tensor, but reads only shape and rank.
    const like = { shape: x.shape, rank: x.shape.length } as unknown as tf.Tensor;
    const [begin, size] = tf.slice_util.parseSliceParams(like, attrs.begin, attrs.size) as [number[], number[]];
    tf.slice_util.assertParamsValid(like, begin, size);
    return size.includes(0) ? graph.empty(x.type, size) : graph.slice(x, begin, size);
  },
  { takesEmpty: true },
);

const stridedSlice = kernel<tf.StridedSliceAttrs>(tf.StridedSlice, ({ input, attrs, graph }) => {
  const x = input("x");
  const info = tf.slice_util.sliceInfo(
    [...x.shape],
    attrs.begin,
    attrs.end,
    attrs.strides,
    attrs.beginMask,
    attrs.endMask,
    attrs.ellipsisMask,
    attrs.newAxisMask,
    attrs.shrinkAxisMask,
  );
  if (info.isIdentity) {
    return graph.reshape(x, info.finalShape);
  }
  if (info.finalShape.includes(0)) {
    return graph.empty(x.type, info.finalShape);
  }
  const size = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
  return graph.reshape(graph.slice(x, info.begin, size, info.strides), info.finalShape);
});

const splitV = kernel<tf.SplitVAttrs>(
  tf.SplitV,
  ({ input, attrs, graph }) => {
    const x = input("x");
    const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
    const like = { shape: x.shape } as unknown as tf.Tensor;
    const sizes = tf.backend_util.prepareSplitSize(like, attrs.numOrSizeSplits, axis);
    return graph.split(x, sizes, axis);
  },
  { takesEmpty: true },
);

const concat = kernel<tf.ConcatAttrs>(
  tf.Concat,
  ({ backend, inputs, attrs, graph }) => {
    const infos = Object.values(inputs) as tf.TensorInfo[];
    const axis = concatAxis(infos, attrs.axis);
    const shape = tf.backend_util.computeOutShape(
      infos.map((info) => info.shape),
      axis,
    );
    const values = infos.filter((info) => tf.util.sizeFromShape(info.shape) > 0).map((info) => backend.value(info));
    if (values.length === 0) {
      return graph.empty(backend.value(infos[0]!).type, shape);
    }
    return values.some((value) => value.type !== values[0]!.type) ? undefined : graph.concat(values, axis);
  },
  {
    takesEmpty: true,
    runComplex: ({ backend, inputs, attrs, graph }) => {
      const infos = Object.values(inputs) as tf.TensorInfo[];
      const axis = concatAxis(infos, attrs.axis);
      const parts = infos.map((info) => partsOf(backend, info));
      const all = (part: 0 | 1) =>
        graph.concat(
          parts.map((pair) => pair[part]),
          axis,
        );
      return infos.some((info) => info.shape.includes(0)) ? undefined : joined(backend, all(0), all(1));
    },
  },
);

const pack = kernel<tf.PackAttrs>(tf.Pack, ({ backend, inputs, attrs, graph }) => {
  const infos = Object.values(inputs) as tf.TensorInfo[];
  const { shape, dtype } = infos[0]!;
  for (const info of infos) {
    tf.util.assertShapesMatch(shape, info.shape, "All tensors passed to stack must have matching shapes");
    tf.util.assert(dtype === info.dtype, () => "All tensors passed to stack must have matching dtypes");
  }
  const axis = attrs.axis < 0 ? attrs.axis + shape.length + 1 : attrs.axis;
  const thick = [...shape.slice(0, axis), 1, ...shape.slice(axis)];
  return graph.concat(
    infos.map((info) => graph.reshape(backend.value(info), thick)),
    axis,
  );
});

const unpack = kernel<tf.UnpackAttrs>(tf.Unpack, ({ inputs, backend, attrs, graph }) => {
  const x = backend.value(inputs.value!);
  const axis = attrs.axis < 0 ? attrs.axis + x.shape.length : attrs.axis;
  const sizes = new Array<number>(x.shape[axis]!).fill(1);
  const shape = x.shape.filter((_, i) => i !== axis);
  return graph.split(x, sizes, axis).map((part) => graph.reshape(part, shape));
});

const padV2 = kernel<tf.PadV2Attrs>(tf.PadV2, ({ input, attrs, graph }) => {
  const x = input("x");
  const negative = attrs.paddings.some(([before, after]) => before < 0 || after < 0);
  return negative ? undefined : graph.pad(x, attrs.paddings, attrs.constantValue);
});

/** Floats are mirrored without the edge by every provider; in other cases the padded axes are gathered. */
const mirrorPad = kernel<tf.MirrorPadAttrs>(tf.MirrorPad, ({ input, attrs, graph }) => {
  const x = input("x");
  if (attrs.mode === "reflect" && x.type === "float32" && x.shape.length > 0) {
    const shape = x.shape.map((size, axis) => size + attrs.paddings[axis]![0] + attrs.paddings[axis]![1]);
    const amounts = graph.indices([...attrs.paddings.map((p) => p[0]), ...attrs.paddings.map((p) => p[1])]);
    return graph.node("Pad", [x, amounts], x.type, shape, { attributes: { mode: "reflect" } });
  }
  return attrs.paddings.reduce(
    (padded, [before, after], axis) =>
      before + after === 0
        ? padded
        : graph.gather(padded, graph.indices(mirrored(x.shape[axis]!, before, after, attrs.mode)), axis),
    x,
  );
});

const tile = kernel<tf.TileAttrs>(tf.Tile, ({ input, attrs, graph }) => {
  const x = input("x");
  const shape = x.shape.map((size, axis) => size * attrs.reps[axis]!);
  return shape.includes(0) ? graph.empty(x.type, shape) : graph.tile(x, attrs.reps);
});

const reverse = kernel<tf.ReverseAttrs>(tf.Reverse, ({ input, attrs, graph }) => {
  const x = input("x");
  return x.shape.length === 0 ? x : graph.reverse(x, tf.util.parseAxisParam(attrs.dims, [...x.shape]));
});

const flipLeftRight = kernel(tf.FlipLeftRight, ({ input, graph }) => graph.reverse(input("image"), [2]));

export const movementKernels: readonly NativeKernel[] = [
  transpose,
  slice,
  stridedSlice,
  splitV,
  concat,
  pack,
  unpack,
  padV2,
  mirrorPad,
  tile,
  reverse,
  flipLeftRight,
];

function concatAxis(infos: readonly tf.TensorInfo[], axis: number): number {
  const found = tf.util.parseAxisParam(axis, infos[0]!.shape)[0]!;
  tf.backend_util.assertParamsConsistent(
    infos.map((info) => info.shape),
    found,
  );
  return found;
}

/** Source index of each element of a mirrored axis. */
function mirrored(size: number, before: number, after: number, mode: "reflect" | "symmetric"): number[] {
  const edge = mode === "symmetric" ? 1 : 0;
  return Array.from({ length: before + size + after }, (_, i) => {
    const at = i - before;
    return at < 0 ? -at - edge : at >= size ? 2 * (size - 1) - at + edge : at;
  });
}
