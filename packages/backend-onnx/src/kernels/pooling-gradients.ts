import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import { maximaWithPlaces, type PoolAttributes, type PoolGeometry, pool2d, pool3d, poolable } from "./pool-windows.js";
import { channelsFirst, channelsLast, unreached, windowAttributes } from "./window.js";

/** The minimum of float32, at which ONNX Runtime starts its search for a maximum. */
const lowest = -3.4028234663852886e38;

export const poolingGradientKernels: readonly NativeKernel[] = [
  kernel<PoolAttributes>(tf.MaxPoolGrad, (call) => maxPoolGrad(call, pool2d)),
  kernel<PoolAttributes>(tf.AvgPoolGrad, (call) => averagePoolGrad(call, pool2d)),
  kernel<PoolAttributes>(tf.MaxPool3DGrad, (call) => maxPoolGrad(call, pool3d)),
  kernel<PoolAttributes>(tf.AvgPool3DGrad, (call) => averagePoolGrad(call, pool3d)),
];

/** Each gradient goes to the maximum of its window, the first of equals. */
function maxPoolGrad(
  { input, attrs, graph }: KernelCall<PoolAttributes>,
  geometry: PoolGeometry,
): LazyValue | undefined {
  const [dy, x] = [input("dy"), input("input")];
  const window = geometry(x.shape, attrs);
  if (window === undefined || !poolable(window) || x.type !== "float32" || dy.type !== "float32") {
    return undefined;
  }
  const first = channelsFirst(graph, x);
  const [maxima, places] = maximaWithPlaces(graph, first, window);
  // A window of NaN only has no maximum: its gradient goes to an extra element, which is cut off.
  const nowhere = graph.binary("LessOrEqual", maxima, graph.scalar(x.type, lowest), "bool");
  const targets = graph.where(nowhere, graph.scalar("int64", x.size), places);
  const sums = graph.node(
    "ScatterElements",
    [
      graph.fill("float32", [x.size + 1], 0),
      graph.reshape(targets, [places.size]),
      graph.reshape(channelsFirst(graph, dy), [places.size]),
    ],
    "float32",
    [x.size + 1],
    { attributes: { axis: 0, reduction: "add" } },
  );
  return channelsLast(graph, graph.reshape(graph.slice(sums, [0], [x.size]), first.shape));
}

/** Each gradient is spread evenly over its window; the part in the padding is dropped, as on cpu. */
function averagePoolGrad(
  { input, attrs, graph }: KernelCall<PoolAttributes>,
  geometry: PoolGeometry,
): LazyValue | undefined {
  const [dy, x] = [input("dy"), input("input")];
  const window = geometry(x.shape, attrs);
  if (window === undefined || !poolable(window) || dy.type !== "float32") {
    return undefined;
  }
  const first = channelsFirst(graph, dy);
  const [batch, channels] = first.shape as [number, number];
  const size = window.filter.reduce((product, length) => product * length, 1);
  const images = graph.reshape(first, [batch * channels, 1, ...window.output]);
  const share = graph.fill("float32", [1, 1, ...window.filter], 1 / size);
  const spread = graph.node("ConvTranspose", [images, share], dy.type, [batch * channels, 1, ...window.input], {
    attributes: { ...windowAttributes(window), output_padding: unreached(window) },
  });
  return channelsLast(graph, graph.reshape(spread, [batch, channels, ...window.input]));
}
