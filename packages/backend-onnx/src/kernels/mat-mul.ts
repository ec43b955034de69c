import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { activate } from "./activation.js";
import { kernel, type NativeKernel } from "./kernel.js";

const batchMatMul = kernel<tf.BatchMatMulAttrs>(tf.BatchMatMul, ({ input, attrs, graph }) =>
  multiply(graph, input("a"), input("b"), attrs.transposeA, attrs.transposeB),
);

const fusedMatMul = kernel<tf._FusedMatMulAttrs>(tf._FusedMatMul, ({ input, optional, attrs, graph }) => {
  const product = multiply(graph, input("a"), input("b"), attrs.transposeA, attrs.transposeB);
  const bias = optional("bias");
  const biased = bias === null ? product : graph.add(product, bias);
  return activate(graph, biased, attrs.activation, optional("preluActivationWeights"), attrs.leakyreluAlpha);
});

/** `alpha · op(a) @ op(b)`: the product this project's layers use. */
const mmgenMatMul = kernel<{ transposeA?: boolean; transposeB?: boolean; alpha?: number }>(
  "MmgenMatMul",
  ({ input, attrs, graph }) =>
    multiply(graph, input("a"), input("b"), attrs.transposeA ?? false, attrs.transposeB ?? false, attrs.alpha ?? 1),
);

export const matMulKernels: readonly NativeKernel[] = [batchMatMul, fusedMatMul, mmgenMatMul];

/**
 * Matrix product over the last two axes.
 *
 * @throws a {@link ShapeError} when the inner sizes differ.
 */
export function multiply(
  graph: GraphBuilder,
  a: LazyValue,
  b: LazyValue,
  transposeA: boolean,
  transposeB: boolean,
  alpha = 1,
): LazyValue {
  assertInnerSizes(a, b, transposeA, transposeB);
  if (a.type !== "float32" || b.type !== "float32") {
    return multiplyIntegers(graph, a, b, transposeA, transposeB, alpha);
  }
  const batch = broadcastBatch(a, b);
  // One matrix for all of a batch of rows: a single product instead of one for each row.
  if (isMatrix(b) && !transposeA) {
    const right = graph.reshape(b, b.shape.slice(-2));
    const width = a.shape[a.shape.length - 1]!;
    const rows = a.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const product = graph.matMul(graph.reshape(a, [rows, width]), right, false, transposeB, alpha);
    return graph.reshape(product, [...batch, a.shape[a.shape.length - 2]!, product.shape[1]!]);
  }
  const product = graph.matMul(a, b, transposeA, transposeB, alpha);
  return graph.reshape(product, [...batch, ...product.shape.slice(-2)]);
}

function assertInnerSizes(a: LazyValue, b: LazyValue, transposeA: boolean, transposeB: boolean): void {
  const left = a.shape[a.shape.length - (transposeA ? 2 : 1)];
  const right = b.shape[b.shape.length - (transposeB ? 1 : 2)];
  if (left !== right) {
    throw new ShapeError(
      `matMul: the inner sizes ${left} and ${right} of tensors with shapes [${a.shape}] and [${b.shape}], ` +
        `transposeA=${transposeA}, transposeB=${transposeB}, must match.`,
    );
  }
}

function isMatrix(x: LazyValue): boolean {
  return x.shape.slice(0, -2).every((size) => size === 1);
}

function broadcastBatch(a: LazyValue, b: LazyValue): number[] {
  return tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
}

/** Integers go through doubles: ONNX Runtime has no product of int32 matrices that transposes. */
function multiplyIntegers(
  graph: GraphBuilder,
  a: LazyValue,
  b: LazyValue,
  transposeA: boolean,
  transposeB: boolean,
  alpha: number,
): LazyValue {
  const turned = (x: LazyValue, turn: boolean) => {
    const axes = x.shape.map((_, axis) => axis);
    return turn ? graph.transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]) : x;
  };
  const product = graph.matMul(
    graph.cast(turned(a, transposeA), "float64"),
    graph.cast(turned(b, transposeB), "float64"),
  );
  return graph.cast(graph.affine(product, alpha, 0), a.type === b.type ? a.type : "float32");
}
