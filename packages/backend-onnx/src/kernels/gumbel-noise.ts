import type { GraphBuilder } from "../graph/graph-builder.js";
import { LazyValue } from "../graph/lazy-value.js";
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
 *
 * The generators of all rows and positions are seeded and drawn from side by side; the loop is over the vocabulary.
 */
export const gumbelNoise = kernel<NoiseAttributes>("MmgenGumbelNoise", ({ input, attrs, backend, graph }) => {
  const seeds = input("seeds");
  const { first, steps, vocabularySize } = attrs;
  const [rows] = seeds.shape as [number];
  if (seeds.type !== "int32") {
    return undefined;
  }
  const words = new Words(graph);
  const positions = graph.constant(
    "int32",
    [steps, 1],
    Array.from({ length: steps }, (_, step) => first + step),
  );
  const state = words.hash([graph.reshape(seeds, [1, rows]), positions]);
  const firstOrder = graph.nextOrder;
  const bound = [...state.map(({ type, shape }) => new LazyValue(type, shape)), new LazyValue("int32", [])];
  const results = words.draw(bound.slice(0, 4));
  const draws = graph.nodes(
    "Scan",
    [...state, graph.iota("int32", vocabularySize)],
    results.map(({ type, shape }, i) => ({ type, shape: i < 4 ? shape : [vocabularySize, ...shape] })),
    { attributes: { num_scan_inputs: 1 }, body: backend.planner.planBody(bound, results, firstOrder) },
  )[4]!; // [vocabularySize, steps, rows]
  return gumbelOfDraws(graph, graph.transpose(draws, [1, 2, 0]));
});

/** `-log(-log((draw + 0.5) / 2³²))` in doubles, as the host computes it. */
function gumbelOfDraws(graph: GraphBuilder, draws: LazyValue): LazyValue {
  const unsigned = graph.binary("BitwiseAnd", graph.rawCast(draws, "int64"), graph.scalar("int64", 2 ** 32 - 1));
  const uniform = graph.affine(graph.rawCast(unsigned, "float64"), 2 ** -32, 2 ** -33);
  const logarithm = (x: LazyValue) => graph.unary("Neg", graph.unary("Log", x));
  return graph.rawCast(logarithm(logarithm(uniform)), "float32");
}

/** Arithmetic of 32-bit words, which int32 holds, and the random numbers of `@mmgen/core` by it. */
class Words {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** The state that `Random` starts from for these words. */
  hash(words: readonly LazyValue[]): LazyValue[] {
    let lanes = [0x9e3779b9, 0x3c6ef372, 0xdaa66d2b, 0x78dde6e4].map((start) => this.#word(start));
    for (const word of [...words, this.#word(words.length)]) {
      lanes = lanes.map((lane, i) => this.#absorb(this.#xor(lane, this.#times(word, spread[i]!)), absorption[i]!));
    }
    const [a, b, c, d] = lanes as [LazyValue, LazyValue, LazyValue, LazyValue];
    const sum = this.#xor(a, b, c, d);
    const mixed = [a, this.#graph.add(b, a), this.#graph.add(c, b), this.#graph.add(d, c)];
    const [first, ...others] = mixed.map((lane) => this.#finish(this.#graph.add(lane, sum)));
    return [this.#graph.binary("BitwiseOr", first!, this.#word(1)), ...others];
  }

  /** The next state of xoroshiro128+ and a draw. */
  draw([s01, s00, s11, s10]: readonly LazyValue[]): LazyValue[] {
    const a0 = this.#xor(s10!, s00!);
    const a1 = this.#xor(s11!, s01!);
    // The halves of a1 << 16 | a0 >>> 16 do not overlap.
    const joined = this.#xor(this.#left(a1, 16), this.#right(a0, 16));
    return [
      this.#xor(this.#left(s01!, 24), this.#right(s00!, 8), a1, joined),
      this.#xor(this.#left(s00!, 24), this.#right(s01!, 8), a0, this.#left(a0, 16)),
      this.#xor(this.#left(a0, 5), this.#right(a1, 27)),
      this.#xor(this.#left(a1, 5), this.#right(a0, 27)),
      this.#graph.add(s00!, s10!),
    ];
  }

  #absorb(value: LazyValue, [multiplier, shift]: readonly [number, number]): LazyValue {
    const product = this.#times(this.#xor(value, this.#right(value, 15)), multiplier);
    const turned = this.#xor(this.#left(product, shift), this.#right(product, 32 - shift));
    return this.#graph.add(this.#times(turned, 5), this.#word(0xe6546b64));
  }

  #finish(value: LazyValue): LazyValue {
    const h = this.#times(this.#xor(value, this.#right(value, 16)), 0x85ebca6b);
    const g = this.#times(this.#xor(h, this.#right(h, 13)), 0xc2b2ae35);
    return this.#xor(g, this.#right(g, 16));
  }

  #word(value: number): LazyValue {
    return this.#graph.scalar("int32", value | 0);
  }

  #xor(first: LazyValue, ...others: readonly LazyValue[]): LazyValue {
    return others.reduce((a, b) => this.#graph.binary("BitwiseXor", a, b), first);
  }

  #times(value: LazyValue, factor: number): LazyValue {
    return this.#graph.mul(value, this.#word(factor));
  }

  #left(value: LazyValue, bits: number): LazyValue {
    return this.#times(value, 2 ** bits);
  }

  /** ONNX shifts unsigned integers only: the quotient of a multiple of the power is exact, and its sign is cut off. */
  #right(value: LazyValue, bits: number): LazyValue {
    const multiple = this.#graph.binary("BitwiseAnd", value, this.#word(-(2 ** bits)));
    const quotient = this.#graph.div(multiple, this.#word(2 ** bits));
    return this.#graph.binary("BitwiseAnd", quotient, this.#word(2 ** (32 - bits) - 1));
  }
}

const spread = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const absorption = [
  [0x561ccd1b, 13],
  [0x0bcaa747, 17],
  [0x96cd1c35, 15],
  [0x32ac3b17, 19],
] as const;
