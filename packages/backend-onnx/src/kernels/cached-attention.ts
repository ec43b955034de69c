import type { GraphBuilder } from "../graph/graph-builder.js";
import { float, type LazyValue } from "../graph/lazy-value.js";
import { kernel } from "./kernel.js";

/** Queries, keys and values of a new position, `[batch, heads, 1, headWidth]` each. */
interface Heads {
  readonly q: LazyValue;
  readonly k: LazyValue;
  readonly v: LazyValue;
}

/** Keys and values of earlier positions, `[batch, heads, slots, headWidth]` each. */
interface Cache {
  readonly keys: LazyValue;
  readonly values: LazyValue;
}

interface CachedAttributes {
  /** Least slot that the position may be. */
  readonly minPosition: number;
}

/** Attention of one position to itself and the slots before it; returns the attended values, then the new cache. */
export const cachedAttention = kernel<CachedAttributes>("MmgenCachedAttention", ({ input, attrs, graph }) => {
  const heads = { q: input("q"), k: input("k"), v: input("v") };
  const cache = { keys: input("keys"), values: input("values") };
  const slots = cache.keys.shape[2]!;
  const { minPosition } = attrs;
  // ONNX Runtime would read and write outside the cache.
  const position = graph.clip(input("position"), minPosition, slots - 1);
  // ONNX Runtime's operator takes an empty cache for a full one.
  return graph.attendsInPlace && minPosition > 0 && minPosition < slots
    ? oneNode(graph, heads, cache, position)
    : composed(graph, heads, cache, position);
});

/** ONNX Runtime's operator for the cpu. It reads no more slots than are filled, and changes the cache in place. */
function oneNode(graph: GraphBuilder, { q, k, v }: Heads, { keys, values }: Cache, position: LazyValue): LazyValue[] {
  const [batch, heads, , headWidth] = q.shape as [number, number, number, number];
  const shape = [batch, 1, heads * headWidth];
  const [value, newKeys, newValues] = graph.nodes(
    "DecoderMaskedMultiHeadAttention",
    [
      // Products of one row are several times as fast without a factor.
      graph.affine(graph.reshape(q, shape), 1 / Math.sqrt(headWidth), 0),
      graph.reshape(k, shape),
      graph.reshape(v, shape),
      // No mask, no bias of the scores.
      undefined,
      undefined,
      keys,
      values,
      position,
    ],
    [shape, keys.shape, values.shape].map((outputShape) => ({ type: q.type, shape: outputShape })),
    {
      domain: "com.microsoft",
      attributes: { num_heads: heads, past_present_share_buffer: 1, scale: float(1) },
    },
  );
  return [graph.reshape(value!, q.shape), newKeys!, newValues!];
}

function composed(graph: GraphBuilder, { q, k, v }: Heads, cache: Cache, position: LazyValue): LazyValue[] {
  const [, , slots, headWidth] = cache.keys.shape as [number, number, number, number];
  const indices = graph.constant("int32", [slots, 1], [...Array(slots).keys()]);
  const isHere = graph.binary("Equal", indices, position, "bool");
  const keys = graph.where(isHere, k, cache.keys);
  const values = graph.where(isHere, v, cache.values);
  const isLater = graph.binary("Greater", graph.reshape(indices, [1, slots]), position, "bool");
  const mask = graph.where(isLater, graph.scalar(q.type, -1e9), graph.scalar(q.type, 0));
  const scores = graph.add(graph.matMul(q, keys, false, true, 1 / Math.sqrt(headWidth)), mask);
  const weights = graph.node("Softmax", [scores], q.type, scores.shape, { attributes: { axis: -1 } });
  return [graph.matMul(weights, values), keys, values];
}
