import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { activate } from "./activation.js";
import { kernel, type NativeKernel } from "./kernel.js";

const batchMatMul = kernel<tf.BatchMatMulAttrs>(tf.BatchMatMul, ({ input, attrs, graph }) =>
  multiply(graph, input("a"), input("b"), attrs),
);

const fusedMatMul = kernel<tf._FusedMatMulAttrs>(tf._FusedMatMul, ({ input, optional, attrs, graph }) => {
  const { transposeA, transposeB } = attrs;
  const product = multiply(graph, input("a"), input("b"), { transposeA, transposeB });
  const bias = optional("bias");
  const biased = bias === undefined ? product : graph.add(product, bias);
  return activate(graph, biased, attrs.activation, optional("preluActivationWeights"), attrs.leakyreluAlpha);
});

/** `alpha · op(a) @ op(b)`: the product this project's layers use. */
const mmgenMatMul = kernel<ProductOptions>("MmgenMatMul", ({ input, attrs, graph }) =>
  multiply(graph, input("a"), input("b"), attrs),
);

/** `x @ weightᵀ + bias` of matrices, in one operator. */
const mmgenLinear = kernel("MmgenLinear", ({ input, graph }) => {
  const [x, weight, bias] = [input("x"), input("weight"), input("bias")];
  const shape = [x.shape[0]!, weight.shape[0]!];
  return graph.node("Gemm", [x, weight, bias], x.type, shape, { attributes: { transB: 1 } });
});

export const matMulKernels: readonly NativeKernel[] = [batchMatMul, fusedMatMul, mmgenMatMul, mmgenLinear];

/** How the operands of a product are read. */
interface ProductOptions {
  /** Transposes the last two axes of `a`. */
  readonly transposeA?: boolean;
  /** Transposes the last two axes of `b`. */
  readonly transposeB?: boolean;
  /** Factor of the product. */
  readonly alpha?: number;
}

/**
 * Matrix product over the last two axes.
 *
 * @throws {@link ShapeError} when the inner sizes differ.
 */
function multiply(graph: GraphBuilder, a: LazyValue, b: LazyValue, options: ProductOptions): LazyValue {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  assertInnerSizes(a, b, transposeA, transposeB);
  if (a.type !== "float32" || b.type !== "float32") {
    return multiplyIntegers(graph, a, b, options);
  }
  const batch = broadcastBatch(a, b);
  // A matrix shared by all rows of a batch needs a single product instead of one for each row.
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

/** Multiplies integers as float64: ONNX Runtime has no product of int32 matrices that transposes. */
function multiplyIntegers(graph: GraphBuilder, a: LazyValue, b: LazyValue, options: ProductOptions): LazyValue {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const asDoubles = (x: LazyValue, transpose: boolean) => {
    const axes = x.shape.map((_, axis) => axis);
    const last = axes.length - 1;
    return graph.cast(transpose ? graph.transpose(x, [...axes.slice(0, -2), last, last - 1]) : x, "float64");
  };
  const product = graph.matMul(asDoubles(a, transposeA), asDoubles(b, transposeB));
  return graph.cast(graph.affine(product, alpha, 0), a.type === b.type ? a.type : "float32");
}
