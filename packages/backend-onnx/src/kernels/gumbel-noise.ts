import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { golden, summands } from "./counter-constants.js";
import { kernel } from "./kernel.js";

interface NoiseAttributes {
  /** Position of the first draw in its row. */
  readonly first: number;
  readonly steps: number;
  readonly vocabularySize: number;
}

/**
 * `gumbelNoise` of `@mmgen/core` for many rows and positions: `[rows]` int32, the bits of the rows' seeds, gives
 * `[steps, rows, vocabularySize]`, the same numbers but for the last bit of a logarithm.
 */
export const gumbelNoise = kernel<NoiseAttributes>("MmgenGumbelNoise", ({ input, attrs, graph }) => {
  const seeds = input("seeds");
  const { first, steps, vocabularySize } = attrs;
  const [rows] = seeds.shape as [number];
  if (seeds.type !== "int32") {
    return undefined;
  }
  const words = new CounterWords(graph);
  const positions = graph.constant(
    "int32",
    [steps, 1, 1],
    Array.from({ length: steps }, (_, step) => first + step),
  );
  const ofRows = [graph.reshape(seeds, [1, rows, 1]), positions] as const;
  const key = [words.at(0, ofRows), words.at(1, ofRows)] as const; // [steps, rows, 1] each
  return gumbelOfWords(graph, words.all(vocabularySize, key));
});

/** In doubles, as on the host: 16 bits of a word count, of the largest 1024th all. */
function gumbelOfWords(graph: GraphBuilder, words: LazyValue): LazyValue {
  const integer = (value: number) => graph.scalar("int64", value);
  const unsigned = graph.binary("BitwiseAnd", graph.rawCast(words, "int64"), integer(2 ** 32 - 1));
  const uniform = (values: LazyValue, middle: number) =>
    graph.affine(graph.rawCast(values, "float64"), 2 ** -32, middle);
  const isExact = graph.binary("GreaterOrEqual", unsigned, integer(2 ** 32 - 2 ** 22), "bool");
  const upper = graph.binary("BitwiseAnd", unsigned, integer(2 ** 32 - 2 ** 16));
  const logarithm = (x: LazyValue) => graph.unary("Neg", graph.unary("Log", x));
  const chosen = graph.where(isExact, uniform(unsigned, 2 ** -33), uniform(upper, 2 ** -17));
  return graph.rawCast(logarithm(logarithm(chosen)), "float32");
}

/** `counterWords` of `@mmgen/core` in int32, whose arithmetic wraps around. */
class CounterWords {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** The word at one place of the sequence of each key. */
  at(place: number, [first, second]: readonly [LazyValue, LazyValue]): LazyValue {
    return this.#mix(this.#graph.add(first, this.#word(Math.imul(place, golden))), second);
  }

  /** The first `count` words of the sequence of each key, along the keys' last axis, which is 1. */
  all(count: number, [first, second]: readonly [LazyValue, LazyValue]): LazyValue {
    return this.#mix(this.#graph.add(this.#times(this.#graph.iota("int32", count), golden), first), second);
  }

  #mix(start: LazyValue, key: LazyValue): LazyValue {
    return [key, ...summands.map((summand) => this.#word(summand))].reduce((x, summand) => {
      const factor = this.#graph.add(this.#times(x, 2), this.#word(1));
      return this.#exchangeHalves(this.#graph.add(this.#graph.mul(x, factor), summand));
    }, start);
  }

  /** ONNX shifts unsigned integers only: the quotient of a multiple of 2¹⁶ is exact, and its sign is cut off. */
  #exchangeHalves(value: LazyValue): LazyValue {
    const multiple = this.#graph.binary("BitwiseAnd", value, this.#word(-(2 ** 16)));
    const upper = this.#graph.div(multiple, this.#word(2 ** 16));
    return this.#graph.add(
      this.#graph.binary("BitwiseAnd", upper, this.#word(2 ** 16 - 1)),
      this.#times(value, 2 ** 16),
    );
  }

  #times(value: LazyValue, factor: number): LazyValue {
    return this.#graph.mul(value, this.#word(factor));
  }

  #word(value: number): LazyValue {
    return this.#graph.scalar("int32", value | 0);
  }
}
