import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../proto/onnx.generated.js";
import type { AttributeValue } from "./attributes.js";
import { onnxTypeCodes } from "./element-type.js";
import type { LazyNode, LazyValue, Subgraph } from "./lazy-value.js";
import type { Plan } from "./plan.js";

/** Operator sets a model imports: ONNX's own, and ONNX Runtime's additions. */
const operatorSets = [
  ["", 20],
  ["com.microsoft", 1],
] as const;

const irVersion = 9;

/** The name a planned value has in its model. */
export function valueName(value: LazyValue): string {
  return `v${value.number}`;
}

/** Writes a plan as the bytes of an ONNX model. Values keep the numbers the plan gave them. */
export function writeOnnxModel(plan: Plan): Uint8Array<ArrayBuffer> {
  const graph = create(GraphProtoSchema, {
    name: "recorded",
    node: plan.nodes.map(nodeProto),
    initializer: plan.constants.map(initializerProto),
    input: plan.feeds.map(valueInfoProto),
    output: plan.outputs.map(valueInfoProto),
  });
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: "@mmgen/backend-onnx",
    graph,
    opsetImport: operatorSets.map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
  });
  return toBinary(ModelProtoSchema, model);
}

function nodeProto(node: LazyNode): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: `${node.op}_${node.outputs[0]!.number}`,
    input: node.inputs.map((input) => (input === null ? "" : valueName(input))),
    output: node.outputs.map(valueName),
    attribute: [
      ...Object.entries(node.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
      ...(node.body === null ? [] : [bodyProto(node.body)]),
    ],
  });
}

function bodyProto(body: Subgraph): AttributeProto {
  const g: GraphProto = create(GraphProtoSchema, {
    name: `body_${body.outputs[0]!.number}`,
    node: body.nodes.map(nodeProto),
    input: body.inputs.map(valueInfoProto),
    output: body.outputs.map(valueInfoProto),
  });
  return create(AttributeProtoSchema, { name: "body", type: AttributeProto_AttributeType.GRAPH, g });
}

function attributeProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === "string") {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value) as Uint8Array<ArrayBuffer>,
    });
  }
  if ("float" in value) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
}

function initializerProto(value: LazyValue): TensorProto {
  const data = value.resident!.host!;
  return create(TensorProtoSchema, {
    name: valueName(value),
    dims: value.shape.map(BigInt),
    dataType: onnxTypeCodes[value.type],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

function valueInfoProto(value: LazyValue): ValueInfoProto {
  const dim = value.shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: "dimValue", value: BigInt(size) } }),
  );
  return create(ValueInfoProtoSchema, {
    name: valueName(value),
    type: create(TypeProtoSchema, {
      value: {
        case: "tensorType",
        value: create(TypeProto_TensorSchema, {
          elemType: onnxTypeCodes[value.type],
          shape: create(TensorShapeProtoSchema, { dim }),
        }),
      },
    }),
  });
}
