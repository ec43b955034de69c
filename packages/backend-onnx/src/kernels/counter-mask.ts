import { CounterWords } from "./counter-words.js";
import { kernel } from "./kernel.js";

interface MaskAttributes {
  /** Which of the keys. */
  readonly row: number;
  /** Of the mask. */
  readonly shape: readonly number[];
  /** The share of zeros is `below` / 2^`bits`. */
  readonly bits: 8 | 16 | 32;
  readonly below: number;
}

/**
 * `counterMask` of `@mmgen/core` on a device: `[keys, 2]` int32, the bits of some keys, gives the mask of one of them in a
 * shape, float32: 0 and 1, the same on every provider.
 */
export const counterMask = kernel<MaskAttributes>("MmgenCounterMask", ({ input, attrs, graph }) => {
  const keys = input("keys");
  const { row, shape, bits, below } = attrs;
  const size = shape.reduce((product, side) => product * side, 1);
  if (below === 0 || size === 0) {
    return graph.fill("float32", shape, 1);
  }
  const perWord = 32 / bits;
  const words = Math.ceil(size / perWord);
  const key = (column: number) => graph.rawCast(graph.reshape(graph.slice(keys, [row, column], [1, 1]), []), "uint32");
  const bitsOfWords = graph.reshape(new CounterWords(graph).all(words, [key(0), key(1)]), [words, 1]);
  // Each part of a word moves to the top; what is then below it never decides.
  const factors = Array.from({ length: perWord }, (_, part) => 2 ** (32 - bits * (part + 1)));
  const parts = graph.mul(bitsOfWords, graph.constant("uint32", [1, perWord], factors));
  const isKept = graph.binary("Less", graph.scalar("uint32", below * 2 ** (32 - bits) - 1), parts, "bool");
  const kept = graph.reshape(graph.rawCast(isKept, "float32"), [words * perWord]);
  return graph.reshape(words * perWord === size ? kept : graph.slice(kept, [0], [size]), shape);
});
