import { create } from "@bufbuild/protobuf";
import { encodeModel, valueInfo } from "../proto/model-file.js";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "../proto/onnx.generated.js";
import { type HostArray, onnxTypeCodes } from "../runtime/element-type.js";
import type { AttributeValue, LazyNode, LazyValue, Subgraph } from "./lazy-value.js";
import type { Plan } from "./plan.js";

/** The name a planned value has in its model. */
export function valueName(value: LazyValue): string {
  return `v${value.number}`;
}

/** The name a planned node has in its model. */
export function nodeName(node: LazyNode): string {
  return `${node.op}_${node.outputs[0]!.number}`;
}

/** Ways in which a model may differ from its plan. */
export interface ModelOverrides {
  /** Names of values; the default is {@link valueName}. */
  readonly names: ReadonlyMap<LazyValue, string>;
  /** Feeds whose elements are stored in the model. */
  readonly stored: ReadonlySet<LazyValue>;
  /** Shapes of inputs and outputs in which some sizes are names; the default is the recorded shape. */
  readonly shapes: ReadonlyMap<LazyValue, readonly (number | string)[]>;
  /** Elements of constants that replace the recorded ones. */
  readonly constants: ReadonlyMap<LazyValue, HostArray>;
}

/** A model as planned. */
export const noOverrides: ModelOverrides = {
  names: new Map(),
  stored: new Set(),
  shapes: new Map(),
  constants: new Map(),
};

/** Writes a plan as the bytes of an ONNX model. Values keep the numbers the plan gave them. */
export function writeOnnxModel(plan: Plan, overrides: ModelOverrides = noOverrides): Uint8Array<ArrayBuffer> {
  const nameOf = (value: LazyValue) => overrides.names.get(value) ?? valueName(value);
  const elements = (value: LazyValue) => overrides.constants.get(value) ?? value.resident!.host!;
  const info = (value: LazyValue) =>
    valueInfo(nameOf(value), onnxTypeCodes[value.type], overrides.shapes.get(value) ?? value.shape);
  const stored = plan.feeds.filter((feed) => overrides.stored.has(feed));
  const graph = create(GraphProtoSchema, {
    name: "recorded",
    node: plan.nodes.map((node) => nodeProto(node, nameOf)),
    initializer: [...plan.constants, ...stored].map((value) => initializerProto(nameOf(value), value, elements(value))),
    input: plan.feeds.filter((feed) => !overrides.stored.has(feed)).map(info),
    output: plan.outputs.map(info),
  });
  return encodeModel(graph);
}

type NameOf = (value: LazyValue) => string;

function nodeProto(node: LazyNode, nameOf: NameOf): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: nodeName(node),
    input: node.inputs.map((input) => (input === undefined ? "" : nameOf(input))),
    output: node.outputs.map(nameOf),
    attribute: [
      ...Object.entries(node.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
      ...(node.body === undefined ? [] : [bodyProto(node.body, nameOf)]),
    ],
  });
}

function bodyProto(body: Subgraph, nameOf: NameOf): AttributeProto {
  const info = (value: LazyValue) => valueInfo(nameOf(value), onnxTypeCodes[value.type], value.shape);
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
