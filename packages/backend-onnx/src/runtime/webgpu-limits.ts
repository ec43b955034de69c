import type { LazyNode } from "../graph/lazy-value.js";
import { nodeName } from "../graph/onnx-model.js";
import type { Plan } from "../graph/plan.js";
import { type ExecutionProvider, providerName } from "./execution-provider.js";

/**
 * The providers for a plan, with the WebGPU provider told which nodes to leave to the cpu.
 *
 * They are those of tfjs's own suite that ONNX Runtime 1.30 computes wrongly or not at all with WebGPU.
 */
export function providersFor(plan: Plan, providers: readonly ExecutionProvider[]): readonly ExecutionProvider[] {
  return providers.map((provider) => {
    if (providerName(provider) !== "webgpu") {
      return provider;
    }
    const forceCpuNodeNames = plan.nodes.filter(isBeyondWebgpu).map(nodeName);
    const given = typeof provider === "string" ? { name: provider } : provider;
    return forceCpuNodeNames.length === 0 ? given : { ...given, forceCpuNodeNames };
  });
}

function isBeyondWebgpu({ op, inputs, outputs, attributes }: LazyNode): boolean {
  switch (op) {
    case "MaxPool":
      return outputs.length > 1;
    case "ConvTranspose":
      return inputs[0]!.shape.length > 4 || (attributes?.group ?? 1) !== 1;
    case "Slice": {
      // Steps are constants of the graph.
      const steps = (inputs[4]?.resident?.host ?? []) as Iterable<bigint>;
      return Array.from(steps).some((step) => step < 0n);
    }
    default:
      return false;
  }
}

/** Outputs that a node may have on all of some providers: a WebGPU shader binds eight buffers, one of them its input. */
export function mostOutputs(providers: readonly ExecutionProvider[]): number {
  return providers.some((provider) => providerName(provider) === "webgpu") ? 7 : Number.POSITIVE_INFINITY;
}
