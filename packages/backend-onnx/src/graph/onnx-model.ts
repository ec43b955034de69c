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
import { type HostArray, onnxTypeCodes } from "./element-type.js";
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

/** The name a planned node has in its model. */
export function nodeName(node: LazyNode): string {
  return `${node.op}_${node.outputs[0]!.number}`;
}

/** How a model differs from the plan it is written from. */
export interface ModelNames {
  /** Names of values; those absent keep {@link valueName}. */
  readonly names: ReadonlyMap<LazyValue, string>;
  /** Feeds whose elements become part of the model. */
  readonly stored: ReadonlySet<LazyValue>;
  /** Shapes of inputs and outputs in which a size has a name; absent: all sizes are numbers. */
  readonly shapes: ReadonlyMap<LazyValue, readonly (number | string)[]>;
  /** Elements of constants, where they are not the recorded ones. */
  readonly constants: ReadonlyMap<LazyValue, HostArray>;
}

const asPlanned: ModelNames = { names: new Map(), stored: new Set(), shapes: new Map(), constants: new Map() };

/** Writes a plan as the bytes of an ONNX model. Values keep the numbers the plan gave them. */
export function writeOnnxModel(plan: Plan, given: ModelNames = asPlanned): Uint8Array<ArrayBuffer> {
  const nameOf = (value: LazyValue) => given.names.get(value) ?? valueName(value);
  const elements = (value: LazyValue) => given.constants.get(value) ?? value.resident!.host!;
  const info = (value: LazyValue) => valueInfoProto(nameOf(value), value, given.shapes.get(value));
  const stored = plan.feeds.filter((feed) => given.stored.has(feed));
  const graph = create(GraphProtoSchema, {
    name: "recorded",
    node: plan.nodes.map((node) => nodeProto(node, nameOf)),
    initializer: [...plan.constants, ...stored].map((value) => initializerProto(nameOf(value), value, elements(value))),
    input: plan.feeds.filter((feed) => !given.stored.has(feed)).map(info),
    output: plan.outputs.map(info),
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

type NameOf = (value: LazyValue) => string;

function nodeProto(node: LazyNode, nameOf: NameOf): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: nodeName(node),
    input: node.inputs.map((input) => (input === null ? "" : nameOf(input))),
    output: node.outputs.map(nameOf),
    attribute: [
      ...Object.entries(node.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
      ...(node.body === null ? [] : [bodyProto(node.body, nameOf)]),
    ],
  });
}

function bodyProto(body: Subgraph, nameOf: NameOf): AttributeProto {
  const info = (value: LazyValue) => valueInfoProto(nameOf(value), value);
  const g: GraphProto = create(GraphProtoSchema, {
    name: `body_${body.outputs[0]!.number}`,
    node: body.nodes.map((node) => nodeProto(node, nameOf)),
    input: body.inputs.map(info),
    output: body.outputs.map(info),
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

function initializerProto(name: string, value: LazyValue, data: HostArray): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: value.shape.map(BigInt),
    dataType: onnxTypeCodes[value.type],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

function valueInfoProto(
  name: string,
  value: LazyValue,
  shape: readonly (number | string)[] = value.shape,
): ValueInfoProto {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof size === "string" ? { case: "dimParam", value: size } : { case: "dimValue", value: BigInt(size) },
    }),
  );
  return create(ValueInfoProtoSchema, {
    name,
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
