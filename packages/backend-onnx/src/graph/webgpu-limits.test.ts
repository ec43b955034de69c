import { describe, expect, it } from "vitest";
import { GraphBuilder } from "./graph-builder.js";
import { LazyValue } from "./lazy-value.js";
import { nodeName } from "./onnx-model.js";
import { Planner } from "./plan.js";
import { captureLimit, graphBuilderFor, providersFor } from "./webgpu-limits.js";

/** A plan of three slices, of which one goes backwards. */
function slices() {
  const graph = new GraphBuilder();
  const x = new LazyValue("float32", [6]);
  const slice = (start: number, end: number, step: number, size: number) =>
    graph.node("Slice", [x, ...[start, end, 0, step].map((number) => graph.indices([number]))], "float32", [size]);
  const outputs = [slice(0, 3, 1, 3), slice(5, 2, -1, 3), slice(0, 6, 2, 3)];
  return { plan: new Planner().plan(outputs, new Set([x])), backwards: outputs[1]!.producer! };
}

describe("what WebGPU gets wrong", () => {
  it("goes to the cpu by name, beside the options given", () => {
    const { plan, backwards } = slices();
    const forceCpuNodeNames = [nodeName(backwards)];
    expect(providersFor(plan, ["webgpu", "cpu"])).toEqual([{ name: "webgpu", forceCpuNodeNames }, "cpu"]);
    expect(providersFor(plan, [{ name: "webgpu", deviceId: 1 }])).toEqual([
      { name: "webgpu", deviceId: 1, forceCpuNodeNames },
    ]);
  });

  it("is nothing to other providers", () => {
    expect(providersFor(slices().plan, ["cuda", "cpu"])).toEqual(["cuda", "cpu"]);
  });
});

describe("splits", () => {
  it("into more parts than a shader binds go in steps, and keep their order and sizes", () => {
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 3) + 1);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const x = new LazyValue("float32", [2, total]);
    const parts = graphBuilderFor(["webgpu"]).split(x, sizes, 1);
    expect(parts.map(({ shape }) => shape)).toEqual(sizes.map((size) => [2, size]));
    const { nodes } = new Planner().plan(parts, new Set([x]));
    expect(Math.max(...nodes.map(({ outputs }) => outputs.length))).toBe(7);
    expect(graphBuilderFor(["cpu"]).split(x, sizes, 1)[0]!.producer!.outputs).toHaveLength(60);
  });

  it.each(["webgpu", "cpu"])("whose parts are all joined again along their axis are nothing on %s", (provider) => {
    const graph = graphBuilderFor([provider]);
    const [x, other] = [new LazyValue("float32", [20, 20]), new LazyValue("float32", [1, 20])];
    const parts = graph.split(x, new Array(20).fill(1), 0);
    expect(graph.concat(parts, 0)).toBe(x);
    expect(graph.concat([other, ...parts, other], 0).producer!.inputs).toEqual([other, x, other]);
    for (const others of [parts.slice(1), parts.slice(0, -1), [...parts].reverse()]) {
      const joined = graph.concat(others, 0);
      expect(joined.shape).toEqual([others.length, 20]);
      expect(joined).not.toBe(x);
    }
    expect(graph.concat(parts, 1).shape).toEqual([1, 400]);
  });
});

it("loops are recorded step by step where graphs are to be captured, and on WebGPU", () => {
  const hasLoops = (provider: string, replay: boolean) => graphBuilderFor([provider, "cpu"], { replay }).hasLoops;
  expect(["cpu", "wasm", "cuda", "webgpu"].map((name) => hasLoops(name, true))).toEqual([true, true, false, false]);
  expect(["cpu", "wasm", "cuda", "webgpu"].map((name) => hasLoops(name, false))).toEqual([true, true, true, false]);
});

it("a graph with TopK is not captured on WebGPU", () => {
  const graph = graphBuilderFor(["webgpu"]);
  const x = new LazyValue("float32", [2, 8]);
  const sorted = graph.nodes(
    "TopK",
    [x, graph.indices([8])],
    [
      { type: "float32", shape: [2, 8] },
      { type: "int64", shape: [2, 8] },
    ],
  );
  const plan = new Planner().plan([sorted[0]!], new Set([x]));
  expect(captureLimit(plan, ["webgpu"])).toMatch(/TopK/);
  expect(captureLimit(plan, ["cuda"])).toBeUndefined();
});
