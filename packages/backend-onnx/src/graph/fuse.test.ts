import { describe, expect, it } from "vitest";
import { HostTensor } from "../runtime/runtime.js";
import { fuseNodes } from "./fuse.js";
import { GraphBuilder } from "./graph-builder.js";
import { LazyValue } from "./lazy-value.js";
import { Planner } from "./plan.js";

const shape = [1, 8, 2, 2];

function blocks(): LazyValue {
  const value = new LazyValue("float32", shape);
  value.resident = new HostTensor(new Float32Array(32));
  return value;
}

function graphOf(build: (graph: GraphBuilder, convolution: () => LazyValue) => LazyValue[]): string[] {
  const graph = new GraphBuilder();
  const filter = graph.constant("float32", [8, 8, 1, 1], new Array(64).fill(0.5));
  const outputs = build(graph, () => graph.blockNode("Conv", [blocks(), filter], shape, { kernel_shape: [1, 1] }));
  const nodes = fuseNodes(new Planner().plan(outputs));
  return nodes.map(({ op, inputs, attributes }) => [op, inputs.length, attributes?.activation ?? ""].join(" ").trim());
}

describe("fuseNodes", () => {
  it("makes a sum the summand and a ReLU the activation of a convolution", () => {
    expect(graphOf((graph, conv) => [graph.unary("Relu", graph.add(conv(), conv()))])).toEqual([
      "Conv 2",
      "Conv 4 Relu",
    ]);
    expect(graphOf((graph, conv) => [graph.unary("Relu", graph.add(graph.unary("Neg", blocks()), conv()))])).toEqual([
      "Neg 1",
      "Conv 4 Relu",
    ]);
  });

  it("leaves what is read elsewhere, and what others hold", () => {
    const twice = graphOf((graph, conv) => {
      const result = conv();
      return [graph.unary("Relu", result), graph.unary("Neg", result)];
    });
    expect(twice).toEqual(["Conv 2", "Relu 1", "Neg 1"]);
    const output = graphOf((graph, conv) => {
      const result = conv();
      return [result, graph.unary("Relu", result)];
    });
    expect(output).toEqual(["Conv 2", "Relu 1"]);
    expect(graphOf((graph, conv) => [graph.add(conv(), blocks())])).toEqual(["Conv 2", "Add 2"]);
    const itself = graphOf((graph, conv) => {
      const result = conv();
      return [graph.add(result, result)];
    });
    expect(itself).toEqual(["Conv 2", "Add 2"]);
  });

  it("adds before it rectifies, and never after", () => {
    expect(graphOf((graph, conv) => [graph.add(graph.unary("Relu", conv()), graph.unary("Neg", blocks()))])).toEqual([
      "Conv 2 Relu",
      "Neg 1",
      "Add 2",
    ]);
  });
});
