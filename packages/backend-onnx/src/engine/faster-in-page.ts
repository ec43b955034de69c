import { create } from "@bufbuild/protobuf";
import { encodeModel, valueInfo } from "../proto/model-file.js";
import { GraphProtoSchema, NodeProtoSchema } from "../proto/onnx.generated.js";
import { onnxTypeCodes } from "../runtime/element-type.js";
import type { Runtime, RuntimeSession } from "../runtime/runtime.js";

const side = 256;
/** Products whose fastest counts, after one that compiles. */
const timedRuns = 5;

/** The parts of WebGPU's entry that are asked. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly isFallbackAdapter?: boolean;
    readonly info?: { readonly isFallbackAdapter?: boolean } & Readonly<Record<string, unknown>>;
  } | null>;
}

/** The provider that is faster, and why it was taken. */
export interface FasterProvider {
  readonly name: string;
  readonly reason: string;
}

/**
 * Compares WebGPU with another provider by a product of two matrices of 256², results included.
 *
 * @param otherwise - What computes on the processor: `"wasm"` or `"cpu"`.
 */
export async function fasterInPage(
  runtime: Runtime,
  otherwise: string,
  gpu = (globalThis.navigator as { gpu?: Gpu } | undefined)?.gpu,
): Promise<FasterProvider> {
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (!adapter) {
    return { name: otherwise, reason: "as there is no WebGPU here" };
  }
  const { info } = adapter;
  const described = [info?.vendor, info?.architecture, info?.device, info?.description].join(" ");
  if (
    adapter.isFallbackAdapter ||
    info?.isFallbackAdapter ||
    /swiftshader|llvmpipe|software|basic render/i.test(described)
  ) {
    return { name: otherwise, reason: "as WebGPU here computes on the processor" };
  }
  const ms = await timeProduct(runtime, "webgpu").catch(() => undefined);
  if (ms === undefined) {
    return { name: otherwise, reason: `as ${runtime.name} does not start webgpu` };
  }
  const otherMs = await timeProduct(runtime, otherwise);
  const times = `a product of ${side}³ takes ${ms.toFixed(1)} ms on webgpu, ${otherMs.toFixed(1)} ms on ${otherwise}`;
  return { name: ms < otherMs ? "webgpu" : otherwise, reason: `as ${times}` };
}

async function timeProduct(runtime: Runtime, provider: string): Promise<number> {
  const shape = [side, side];
  const outputs = [{ name: "product", type: "float32", shape, onDevice: false }] as const;
  const session: RuntimeSession = await runtime.createSession(productModel(shape), ["a", "b"], outputs, {
    intraOpNumThreads: globalThis.navigator?.hardwareConcurrency ?? 1,
    graphOptimizationLevel: "all",
    executionProviders: [provider],
    profilePrefix: undefined,
  });
  try {
    const factor = () => runtime.upload("float32", shape, new Float32Array(side * side).fill(1));
    const feeds = [factor(), factor()];
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= timedRuns; i++) {
      const start = performance.now();
      const [product] = await session.run(feeds);
      await product!.download();
      if (i > 0) {
        fastest = Math.min(fastest, performance.now() - start);
      }
    }
    return fastest;
  } finally {
    session.dispose();
  }
}

function productModel(shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const info = (name: string) => valueInfo(name, onnxTypeCodes.float32, shape);
  const node = create(NodeProtoSchema, { opType: "MatMul", name: "product", input: ["a", "b"], output: ["product"] });
  return encodeModel(
    create(GraphProtoSchema, {
      name: "product",
      node: [node],
      input: [info("a"), info("b")],
      output: [info("product")],
    }),
  );
}
