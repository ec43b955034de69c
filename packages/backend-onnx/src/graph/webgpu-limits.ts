import { type ExecutionProvider, providerName } from "../runtime/runtime.js";
import { CudaBuilder } from "./cuda-builder.js";
import { GraphBuilder, type GraphLimits } from "./graph-builder.js";
import type { LazyNode } from "./lazy-value.js";
import { nodeName } from "./onnx-model.js";
import type { Plan } from "./plan.js";
import { WebGpuBuilder } from "./webgpu-builder.js";

/**
 * The execution providers for a plan, with the WebGPU provider configured to leave unsupported nodes to the cpu.
 *
 * These are the nodes that ONNX Runtime 1.30 computes wrongly or not at all with WebGPU, found with tfjs-core's own
 * test suite.
 */
export function providersFor(plan: Plan, providers: readonly ExecutionProvider[]): readonly ExecutionProvider[] {
  return providers.map((provider) => {
    if (providerName(provider) !== "webgpu") {
      return provider;
    }
    const forceCpuNodeNames = plan.nodes.filter(isUnsupported).map(nodeName);
    const options = typeof provider === "string" ? { name: provider } : provider;
    return forceCpuNodeNames.length === 0 ? options : { ...options, forceCpuNodeNames };
  });
}

function isUnsupported({ op, inputs, outputs, attributes }: LazyNode): boolean {
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

/**
 * Why a plan is not to be captured; undefined where it may be. What ONNX Runtime 1.30 gathers from the places of `TopK` is
 * wrong in the replays of a larger WebGPU graph.
 */
export function captureLimit({ nodes }: Plan, providers: readonly ExecutionProvider[]): string | undefined {
  return providers.map(providerName).includes("webgpu") && nodes.some(({ op }) => op === "TopK")
    ? "WebGPU replays a graph with TopK (topk, topK and topP of a sampler) with wrong results"
    : undefined;
}

/** What a graph builder depends on, beside its execution providers. */
export interface BuilderOptions extends Pick<GraphLimits, "probeBlockSize"> {
  /** Whether graphs are captured where the provider can, which control flow prevents. Default: false. */
  readonly replay?: boolean;
}

/** Makes what records graphs for some execution providers. */
export function graphBuilderFor(
  providers: readonly ExecutionProvider[],
  { probeBlockSize, replay = false }: BuilderOptions = {},
): GraphBuilder {
  const names = providers.map(providerName);
  if (names.includes("webgpu")) {
    // A WebGPU shader binds eight buffers, one of them its input.
    return new WebGpuBuilder({ maxOutputs: 7, attendsInPlace: false, hasLoops: false, runsOnCpu: false });
  }
  const runsOnCpu = names[0] === "cpu" || names[0] === "wasm";
  const Builder = names[0] === "cuda" ? CudaBuilder : GraphBuilder;
  return new Builder({
    attendsInPlace: names[0] === "cpu",
    hasLoops: runsOnCpu || !replay,
    runsOnCpu,
    ...(probeBlockSize && { probeBlockSize }),
  });
}
