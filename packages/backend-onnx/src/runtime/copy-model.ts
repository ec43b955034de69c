import { create } from "@bufbuild/protobuf";
import { encodeModel, valueInfo } from "../proto/model-file.js";
import { GraphProtoSchema, NodeProtoSchema } from "../proto/onnx.generated.js";
import { type ElementType, onnxTypeCodes } from "./element-type.js";

/** A model whose output is its input. */
export interface CopyModel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly input: string;
  readonly output: string;
}

/** Writes the model that copies a tensor of `rank` axes of any size. */
export function copyModel(type: ElementType, rank: number): CopyModel {
  const [input, output] = ["input", "output"];
  const shape = Array.from({ length: rank }, (_, axis) => `size${axis}`);
  const graph = create(GraphProtoSchema, {
    name: "copy",
    node: [create(NodeProtoSchema, { opType: "Identity", name: "copy", input: [input], output: [output] })],
    input: [valueInfo(input, onnxTypeCodes[type], shape)],
    output: [valueInfo(output, onnxTypeCodes[type], shape)],
  });
  return { bytes: encodeModel(graph), input, output };
}
