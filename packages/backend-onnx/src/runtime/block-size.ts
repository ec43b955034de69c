import { create } from "@bufbuild/protobuf";
import { encodeModel, valueInfo } from "../proto/model-file.js";
import { GraphProtoSchema, NodeProtoSchema } from "../proto/onnx.generated.js";
import { onnxTypeCodes } from "./element-type.js";
import { providerName, type Runtime, type RuntimeSession, type RuntimeTensor, type SessionOptions } from "./runtime.js";

/** A multiple of every size of a block. */
const channels = 64;

/**
 * Finds how many channels a block of ONNX Runtime's blocked convolutions has: as many as floats in a vector register, 16
 * with AVX-512.
 *
 * It has an image of two pixels laid out in blocks, and looks where the second pixel's first channel comes to lie.
 *
 * @returns undefined where the operators are missing: other providers than the cpu, asynchronous runtimes.
 */
export function findBlockSize(runtime: Runtime, options: SessionOptions): number | undefined {
  const { executionProviders } = options;
  if (!runtime.synchronous || executionProviders.length !== 1 || providerName(executionProviders[0]!) !== "cpu") {
    return undefined;
  }
  const shape = [1, channels, 1, 2];
  const pixels = Float32Array.from({ length: 2 * channels }, (_, i) => (i === 1 ? 1 : 0));
  const image = runtime.upload("float32", shape, pixels);
  try {
    const session = runtime.createSession(
      reorderModel(shape),
      ["image"],
      [{ name: "blocks", type: "float32", shape, onDevice: false }],
      {
        ...options,
        intraOpNumThreads: 1,
        profilePrefix: undefined,
      },
    ) as RuntimeSession;
    try {
      const [blocks] = session.run([image]) as RuntimeTensor[];
      const size = (blocks!.host as Float32Array).indexOf(1);
      return size > 1 && channels % size === 0 ? size : undefined;
    } finally {
      session.dispose();
    }
  } catch {
    return undefined;
  }
}

function reorderModel(shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const node = create(NodeProtoSchema, {
    opType: "ReorderInput",
    domain: "com.microsoft.nchwc",
    name: "reorder",
    input: ["image"],
    output: ["blocks"],
  });
  return encodeModel(
    create(GraphProtoSchema, {
      name: "blocks",
      node: [node],
      input: [valueInfo("image", onnxTypeCodes.float32, shape)],
      output: [valueInfo("blocks", onnxTypeCodes.float32, shape)],
    }),
  );
}
