import type { GraphBuilder } from "./graph-builder.js";
import type { LazyValue } from "./lazy-value.js";

/** The last 32 bits of floating-point numbers, which an Int32Array keeps, as int64; NaN and infinities become 0. */
export function int32Bits(graph: GraphBuilder, x: LazyValue): LazyValue {
  const bits = graph.rawCast(inInt64(graph, x), "int64");
  // Without the mask ONNX Runtime would join this cast to the next, and that one saturates.
  return graph.binary("BitwiseAnd", bits, graph.scalar("int64", 2 ** 32 - 1));
}

function inInt64(graph: GraphBuilder, x: LazyValue): LazyValue {
  const zero = graph.scalar(x.type, 0);
  if (x.type === "float32") {
    // Beyond 2⁶³ every float is a multiple of 2³².
    const holds = graph.binary("Less", graph.unary("Abs", x), graph.scalar(x.type, 2 ** 63), "bool");
    return graph.where(holds, x, zero);
  }
  const modulus = graph.scalar(x.type, 2 ** 32);
  const rest = graph.node("Mod", [x, modulus], x.type, x.shape, { attributes: { fmod: 1 } });
  return graph.where(graph.node("IsNaN", [rest], "bool", x.shape), zero, rest);
}
