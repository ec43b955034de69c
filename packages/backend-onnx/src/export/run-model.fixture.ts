import { fromBinary } from "@bufbuild/protobuf";
import * as ort from "onnxruntime-node";
import { type GraphProto, type ModelProto, ModelProtoSchema } from "../proto/onnx.generated.js";

/** Runs a model in a fresh session of ONNX Runtime. */
export async function run(
  model: Uint8Array | string,
  feeds: Record<string, ort.Tensor>,
): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(model as string);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

export const float = (values: Iterable<number>, dims: readonly number[]) =>
  new ort.Tensor("float32", Float32Array.from(values), dims);
export const int = (values: Iterable<number>, dims: readonly number[] = []) =>
  new ort.Tensor("int32", Int32Array.from(values), dims);

/** The numbers of a float32 or int32 output. */
export function numbers(output: ort.OnnxValue | undefined): number[] {
  return [...((output as ort.Tensor).data as Float32Array)];
}

export function decode(model: Uint8Array): ModelProto & { readonly graph: GraphProto } {
  return fromBinary(ModelProtoSchema, model) as ModelProto & { readonly graph: GraphProto };
}

/** Input or output as `x:batch,2`. */
export function described(values: GraphProto["input"]): string[] {
  return values.map(({ name, type }) => {
    const tensor = type!.value.case === "tensorType" ? type!.value.value : undefined;
    return `${name}:${tensor!.shape!.dim.map(({ value }) => value.value)}`;
  });
}

/** Bytes of everything stored in a model. */
export function storedBytes({ graph }: { readonly graph: GraphProto }): number {
  return graph.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
}
