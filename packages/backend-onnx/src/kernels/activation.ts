import { KernelError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { float } from "../graph/lazy-value.js";

/** The activation at the end of tfjs's fused kernels. */
export function activate(
  graph: GraphBuilder,
  x: LazyValue,
  activation: tf.backend_util.Activation | undefined,
  preluWeights: LazyValue | undefined,
  leakyReluAlpha = 0.2,
): LazyValue {
  switch (activation) {
    case undefined:
    case null:
    case "linear":
      return x;
    case "relu":
      return graph.unary("Relu", x);
    case "relu6":
      return graph.clip(x, 0, 6);
    case "sigmoid":
      return sigmoid(graph, x);
    case "elu":
      return graph.elementwise("Elu", [x], x.type, { attributes: { alpha: float(1) } });
    case "leakyrelu":
      return graph.elementwise("LeakyRelu", [x], x.type, { attributes: { alpha: float(leakyReluAlpha) } });
    case "prelu": {
      const negative = graph.binary("Less", x, graph.scalar(x.type, 0), "bool");
      return graph.where(negative, graph.mul(x, preluWeights!), x);
    }
    default:
      throw new KernelError(
        `Unknown activation '${activation}' of a fused kernel; use linear, relu, relu6, sigmoid, elu, leakyrelu or prelu.`,
      );
  }
}

/** `1 / (1 + exp(-x))`. ONNX Runtime's own gives 0 below -18, where the logarithm of the right value is finite. */
export function sigmoid(graph: GraphBuilder, x: LazyValue): LazyValue {
  return graph.unary("Reciprocal", graph.affine(graph.unary("Exp", graph.unary("Neg", x)), 1, 1));
}
