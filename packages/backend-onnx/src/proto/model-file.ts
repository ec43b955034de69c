import { create, toBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx.generated.js";

/** Versions of the operator sets that a model may import: ONNX's own, and ONNX Runtime's additions. */
const operatorSets = [
  ["", 20],
  ["com.microsoft", 1],
  ["com.microsoft.nchwc", 1],
] as const;

const irVersion = 9;

/**
 * Encodes a graph as the bytes of an ONNX model file.
 *
 * @param metadata - Texts to keep in the file, by key.
 */
export function encodeModel(
  graph: GraphProto,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  // ONNX Runtime's internal operators are imported only where they are used: other readers do not know them.
  const imported = operatorSets.filter(
    ([domain]) => domain !== "com.microsoft.nchwc" || graph.node.some((node) => node.domain === domain),
  );
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: "@mmgen/backend-onnx",
    graph,
    opsetImport: imported.map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
    metadataProps: Object.entries(metadata).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
  return toBinary(ModelProtoSchema, model);
}

/**
 * Declares an input or output of a graph.
 *
 * @param elemType - `TensorProto.DataType` of its elements.
 * @param shape - Sizes; a string names a size that is known only when the model runs.
 */
export function valueInfo(name: string, elemType: number, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof size === "string" ? { case: "dimParam", value: size } : { case: "dimValue", value: BigInt(size) },
    }),
  );
  const tensorType = create(TypeProto_TensorSchema, { elemType, shape: create(TensorShapeProtoSchema, { dim }) });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } }),
  });
}
