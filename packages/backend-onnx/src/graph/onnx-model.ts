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
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
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
  /** The name of a value; the default is {@link valueName}. */
  nameOf(value: LazyValue): string;
  /** Values to read in place of others, which the model then lacks. */
  readonly aliases: ReadonlyMap<LazyValue, LazyValue>;
  /** Values whose elements are stored in the model, beside those of `elements`. */
  readonly stored: readonly LazyValue[];
  /** Elements of stored values and constants that differ from the recorded ones. */
  readonly elements: ReadonlyMap<LazyValue, HostArray>;
  /** Nodes that come before those of the plan. */
  readonly firstNodes: readonly LazyNode[];
  /** Inputs of the model in their order; the default are the feeds. */
  readonly inputs?: readonly LazyValue[] | undefined;
  /** Shapes in which some sizes are names; the default is the recorded shape. */
  shapeOf(value: LazyValue): readonly (number | string)[];
  /** Where stored values stand that are not in the model itself. */
  readonly external: ReadonlyMap<LazyValue, ExternalPlace>;
  /** Texts to keep in the model, by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A range of bytes in a file beside the model. */
export interface ExternalPlace {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A model as planned. */
export const noOverrides: ModelOverrides = {
  nameOf: valueName,
  aliases: new Map(),
  stored: [],
  elements: new Map(),
  firstNodes: [],
  shapeOf: ({ shape }) => shape,
  external: new Map(),
  metadata: {},
};

/** Writes a plan as the bytes of an ONNX model. Values keep the numbers the plan gave them. */
export function writeOnnxModel(plan: Plan, overrides: ModelOverrides = noOverrides): Uint8Array<ArrayBuffer> {
  const { aliases, elements, external, firstNodes, inputs = plan.feeds, metadata, shapeOf, stored } = overrides;
  const nameOf = (value: LazyValue) => overrides.nameOf(aliases.get(value) ?? value);
  const info = (value: LazyValue) => valueInfo(nameOf(value), onnxTypeCodes[value.type], shapeOf(value));
  const initializer = (value: LazyValue) => {
    const place = external.get(value);
    return place === undefined
      ? initializerProto(nameOf(value), value, elements.get(value) ?? value.resident!.host!)
      : externalProto(nameOf(value), value, place);
  };
  const graph = create(GraphProtoSchema, {
    name: "recorded",
    node: [...firstNodes, ...plan.nodes].map((node) => nodeProto(node, nameOf, info)),
    initializer: [...plan.constants.filter((value) => !aliases.has(value)), ...stored].map(initializer),
    input: inputs.map(info),
    output: plan.outputs.map(info),
    valueInfo: unknownShapes(plan).map(info),
  });
  return encodeModel(graph, metadata);
}

type NameOf = (value: LazyValue) => string;

type Info = (value: LazyValue) => ValueInfoProto;

function nodeProto(node: LazyNode, nameOf: NameOf, info: Info): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: nodeName(node),
    input: node.inputs.map((input) => (input === undefined ? "" : nameOf(input))),
    output: node.outputs.map(nameOf),
    attribute: [
      ...Object.entries(node.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
      ...(node.body === undefined ? [] : [bodyProto(node.body, nameOf, info)]),
    ],
  });
}

function bodyProto(body: Subgraph, nameOf: NameOf, info: Info): AttributeProto {
  const g: GraphProto = create(GraphProtoSchema, {
    name: `body_${body.outputs[0]!.number}`,
    node: body.nodes.map((node) => nodeProto(node, nameOf, info)),
    input: body.inputs.map(info),
    output: body.outputs.map(info),
    valueInfo: unknownShapes(body).map(info),
  });
  return create(AttributeProtoSchema, { name: "body", type: AttributeProto_AttributeType.GRAPH, g });
}

/**
 * Results whose shapes ONNX Runtime does not infer: of its own operators with several results. An operator computes in
 * place only between values of known shapes.
 */
function unknownShapes({ nodes, outputs }: Pick<Plan, "nodes" | "outputs">): LazyValue[] {
  return nodes
    .filter(({ domain, outputs }) => domain === "com.microsoft" && outputs.length > 1)
    .flatMap((node) => node.outputs.filter((value) => !outputs.includes(value)));
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

function externalProto(name: string, value: LazyValue, { file, offset, length }: ExternalPlace): TensorProto {
  const entries = { location: file, offset: String(offset), length: String(length) };
  return create(TensorProtoSchema, {
    name,
    dims: value.shape.map(BigInt),
    dataType: onnxTypeCodes[value.type],
    externalData: Object.entries(entries).map(([key, text]) =>
      create(StringStringEntryProtoSchema, { key, value: text }),
    ),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
  });
}
