import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import { filterPlaces, shiftedViews, type Window, window2d } from "./window.js";

type Shape4D = [number, number, number, number];
type Call = KernelCall<tf.Dilation2DAttrs>;

/** The maximum over each window of the sum of image and filter. */
const dilation = kernel<tf.Dilation2DAttrs>(tf.Dilation2D, (call) => {
  const window = geometry(call);
  return window === undefined ? undefined : sums(call, window).reduce((max, sum) => call.graph.binary("Max", max, sum));
});

/** Each gradient goes to the pixel with the maximum sum. */
const dilationBackpropInput = kernel<tf.Dilation2DAttrs>(tf.Dilation2DBackpropInput, (call) => {
  const window = geometry(call);
  return window === undefined ? undefined : scattered(call, window, pixelOf(call, window), call.input("x"));
});

/** Each gradient goes to the filter position with the maximum sum. */
const dilationBackpropFilter = kernel<tf.Dilation2DAttrs>(tf.Dilation2DBackpropFilter, (call) => {
  const window = geometry(call);
  if (window === undefined) {
    return undefined;
  }
  const { graph, input } = call;
  const channels = input("filter").shape[2]!;
  const place = graph.mul(argMaxPosition(call, window), graph.scalar("int64", channels));
  return scattered(call, window, graph.add(place, graph.iota("int64", channels)), input("filter"));
});

export const dilationKernels: readonly NativeKernel[] = [dilation, dilationBackpropInput, dilationBackpropFilter];

function geometry({ input, attrs }: Call): Window | undefined {
  const [x, filter] = [input("x"), input("filter")];
  if (x.type !== "float32" || filter.type !== "float32") {
    return undefined;
  }
  const { strides, pad, dilations } = attrs;
  const shapes = [x.shape, filter.shape] as unknown as [Shape4D, [number, number, number]];
  return window2d(tf.backend_util.computeDilation2DInfo(...shapes, strides, pad, "NHWC", dilations));
}

/** For each filter position `[batch, ...output, channels]`. */
function sums({ graph, input }: Call, window: Window): LazyValue[] {
  const filter = input("filter");
  const channels = filter.shape[2]!;
  const places = filterPlaces(window);
  return shiftedViews(graph, input("x"), window, Number.NEGATIVE_INFINITY).map((view, i) => {
    const row = graph.slice(filter, [...places[i]!, 0], [1, 1, channels]);
    return graph.add(view, graph.reshape(row, [channels]));
  });
}

/** The filter position with the maximum sum, the first of equals, as int64. */
function argMaxPosition(call: Call, window: Window): LazyValue {
  const { graph } = call;
  const all = sums(call, window).map((sum) => graph.reshape(sum, [1, ...sum.shape]));
  const attributes = { axis: 0, keepdims: 0 };
  return graph.node("ArgMax", [graph.concat(all, 0)], "int64", all[0]!.shape.slice(1), { attributes });
}

/** The flat index into `x` of the maximum of each window. */
function pixelOf(call: Call, window: Window): LazyValue {
  const { graph } = call;
  const [batch, , , channels] = call.input("x").shape as Shape4D;
  const place = argMaxPosition(call, window);
  const number = (value: number) => graph.scalar("int64", value);
  const width = number(window.filter[1]!);
  const inFilter = [graph.div(place, width), graph.node("Mod", [place, width], "int64", place.shape)];
  const [row, column] = inFilter.map((step, axis) => {
    const start = graph.affine(graph.iota("int64", window.output[axis]!), window.strides[axis]!, -window.before[axis]!);
    const shape = axis === 0 ? [window.output[0]!, 1, 1] : [window.output[1]!, 1];
    return graph.add(graph.mul(step, number(window.dilations[axis]!)), graph.reshape(start, shape));
  }) as [LazyValue, LazyValue];
  const image = graph.reshape(graph.iota("int64", batch), [batch, 1, 1, 1]);
  const inRows = graph.add(graph.mul(image, number(window.input[0]!)), row);
  const inPixels = graph.add(graph.mul(inRows, number(window.input[1]!)), column);
  return graph.add(graph.mul(inPixels, number(channels)), graph.iota("int64", channels));
}

function scattered({ graph, input }: Call, window: Window, targets: LazyValue, like: LazyValue): LazyValue {
  const dy = input("dy");
  const shape = [dy.shape[0]!, ...window.output, dy.shape[3]!];
  tf.util.assertShapesMatch([...dy.shape], shape, "The gradient of dilation2d must have the shape of its result. ");
  const inputs = [
    graph.fill("float32", [like.size], 0),
    graph.reshape(targets, [dy.size]),
    graph.reshape(graph.cast(dy, "float32"), [dy.size]),
  ];
  const attributes = { axis: 0, reduction: "add" };
  return graph.reshape(graph.node("ScatterElements", inputs, "float32", [like.size], { attributes }), like.shape);
}
