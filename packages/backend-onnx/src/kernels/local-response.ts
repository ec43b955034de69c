import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel, type NativeKernel } from "./kernel.js";

/** `x · n^-β` with `n = bias + α Σ x²`, summed over the channels at most `depthRadius` away. */
const localResponse = kernel<tf.LRNAttrs>(tf.LRN, ({ input, attrs, graph }) => {
  const x = input("x");
  if (x.type !== "float32") {
    return undefined;
  }
  return graph.mul(x, graph.binary("Pow", norm(graph, x, attrs), graph.scalar(x.type, -attrs.beta)));
});

/** `dx = dy · n^-β - 2αβ x · Σ dy · y / n`. */
const localResponseGrad = kernel<tf.LRNGradAttrs>(tf.LRNGrad, ({ input, attrs, graph }) => {
  const [x, y, dy] = [input("x"), input("y"), input("dy")];
  const n = norm(graph, x, attrs);
  const own = graph.mul(dy, graph.binary("Pow", n, graph.scalar(x.type, -attrs.beta)));
  const others = neighborSum(graph, graph.div(graph.mul(dy, y), n), attrs.depthRadius);
  return graph.sub(own, graph.mul(graph.affine(x, 2 * attrs.alpha * attrs.beta, 0), others));
});

export const localResponseKernels: readonly NativeKernel[] = [localResponse, localResponseGrad];

function norm(graph: GraphBuilder, x: LazyValue, { depthRadius, alpha, bias }: tf.LRNAttrs): LazyValue {
  return graph.affine(neighborSum(graph, graph.mul(x, x), depthRadius), alpha, bias);
}

/** The sum over each channel's neighbors and itself. */
function neighborSum(graph: GraphBuilder, x: LazyValue, radius: number): LazyValue {
  const channels = x.shape[x.shape.length - 1]!;
  // No channel has more neighbors on a side than there are other channels.
  const reach = Math.min(radius, channels - 1);
  const size = 2 * reach + 1;
  const rows = graph.reshape(x, [x.size / channels, 1, channels]);
  const means = graph.node("AveragePool", [rows], x.type, rows.shape, {
    attributes: { kernel_shape: [size], pads: [reach, reach], count_include_pad: 1 },
  });
  return graph.reshape(graph.affine(means, size, 0), x.shape);
}
