import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { CounterWords } from "./counter-words.js";
import { kernel } from "./kernel.js";

interface NoiseAttributes {
  readonly vocabularySize: number;
}

/**
 * `gumbelNoise` of `@mmgen/core` for many rows and positions: `seeds`, `[rows]` int32, the bits of the rows' seeds, and
 * `positions`, `[steps]` int32, give `[steps, rows, vocabularySize]`, the same numbers but for the last bit of a logarithm
 * in a 1024th of them.
 */
export const gumbelNoise = kernel<NoiseAttributes>("MmgenGumbelNoise", ({ input, attrs, graph }) => {
  const [seeds, positions] = [input("seeds"), input("positions")];
  const words = new CounterWords(graph);
  const ofRows = [
    graph.rawCast(graph.reshape(seeds, [1, seeds.shape[0]!, 1]), "uint32"),
    graph.rawCast(graph.reshape(positions, [positions.shape[0]!, 1, 1]), "uint32"),
  ] as const;
  const keys = [words.at(0, ofRows), words.at(1, ofRows)] as const; // [steps, rows, 1] each
  const drawn = words.all(attrs.vocabularySize, keys);
  return graph.runsOnCpu ? gumbelInDoubles(graph, drawn) : gumbelByTable(graph, drawn);
});

/** Words from which on all bits count, by their upper halves; a 1024th. */
const firstExact = 0xffc0;

/** By two logarithms, without a table that would be stored with every exported model. */
function gumbelInDoubles(graph: GraphBuilder, words: LazyValue): LazyValue {
  const upper = new CounterWords(graph).upper(words);
  const uniform = (values: LazyValue, unit: number) => graph.affine(graph.rawCast(values, "float64"), unit, unit / 2);
  const isLooked = graph.binary("Less", graph.rawCast(upper, "int32"), graph.scalar("int32", firstExact), "bool");
  const logarithm = (x: LazyValue) => graph.unary("Neg", graph.unary("Log", x));
  const chosen = graph.where(isLooked, uniform(upper, 2 ** -16), uniform(words, 2 ** -32));
  return graph.rawCast(logarithm(logarithm(chosen)), "float32");
}

/** Looks most noise up by the upper halves of words, as the host does: a device lacks doubles, or is slow in them. */
function gumbelByTable(graph: GraphBuilder, words: LazyValue): LazyValue {
  const upper = graph.rawCast(new CounterWords(graph).upper(words), "int32");
  const looked = graph.gather(graph.named("float32", "Gumbel quantiles", quantiles), upper, 0);
  const isLooked = graph.binary("Less", upper, graph.scalar("int32", firstExact), "bool");
  return graph.where(isLooked, looked, gumbelOfLargest(graph, words));
}

/** The noise of words above 2³² − 2²², where the distance to 2³² and its logarithm are exact to float32. */
function gumbelOfLargest(graph: GraphBuilder, words: LazyValue): LazyValue {
  const distance = graph.rawCast(graph.sub(graph.scalar("uint32", 2 ** 32 - 1), words), "float32");
  const rest = graph.affine(distance, 2 ** -32, 2 ** -33); // 1 − u, at most 2⁻¹⁰
  // −log(1 − r) = r + r²/2 + r³/3 + …
  const series = graph.affine(graph.mul(rest, graph.affine(rest, 1 / 3, 1 / 2)), 1, 1);
  return graph.unary("Neg", graph.unary("Log", graph.mul(rest, series)));
}

/** The noise of the middle of each of 2¹⁶ equally likely intervals. */
function quantiles(): Float32Array {
  return Float32Array.from({ length: 2 ** 16 }, (_, i) => -Math.log(-Math.log((i + 0.5) / 2 ** 16)));
}
