import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/** Two uint32 values that name sequences of words, of shapes that broadcast with each other and with places. */
export type CounterKeys = readonly [first: LazyValue, second: LazyValue];

const golden = 0x9e3779b1;
const summands = [0x7f4a7c15, 0x6c078965, 0x85ebca6b];

/** `counterWords` of `@mmgen/core` in uint32, by the operators that every provider has. */
export class CounterWords {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** The word at one place of the sequence of each key. */
  at(place: number, [first, second]: CounterKeys): LazyValue {
    return this.#mix(this.#graph.add(first, this.#word(Math.imul(place, golden))), second);
  }

  /** The first `count` words of the sequence of each key, along the keys' last axis, which is 1. */
  all(count: number, [first, second]: CounterKeys): LazyValue {
    const places = this.#graph.rawCast(this.#graph.iota("int32", count), "uint32");
    return this.#mix(this.#graph.add(this.#graph.mul(places, this.#word(golden)), first), second);
  }

  /** What is left of words without their lower 16 bits, below 2¹⁶. */
  upper(words: LazyValue): LazyValue {
    return this.#graph.div(words, this.#word(2 ** 16));
  }

  #mix(start: LazyValue, key: LazyValue): LazyValue {
    const graph = this.#graph;
    return [key, ...summands.map((summand) => this.#word(summand))].reduce((x, summand) => {
      const factor = graph.add(graph.mul(x, this.#word(2)), this.#word(1));
      const sum = graph.add(graph.mul(x, factor), summand);
      return graph.add(this.upper(sum), graph.mul(sum, this.#word(2 ** 16)));
    }, start);
  }

  #word(value: number): LazyValue {
    return this.#graph.scalar("uint32", value >>> 0);
  }
}
