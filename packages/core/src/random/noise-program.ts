import { golden } from "./counter-constants.js";
import { type CounterKey, chunkWords, counterWord, plainWords } from "./counter-words.js";
import { quantile, quantiles } from "./quantiles.js";
import { firstLarge, ownWordProgram, type WordProgram } from "./word-program.js";

/** Words and list of a turn, then the table. */
const [listAt, tableAt] = [4 * chunkWords, 8 * chunkWords];

interface NoiseProgram {
  readonly program: WordProgram;
  /** The program's memory from its start: noise of a turn, and the places in it, in bytes, of what the table lacks. */
  readonly noise: Float32Array;
  readonly places: Int32Array;
}

let loaded: NoiseProgram | "impossible" | undefined;

/**
 * Writes the noise of the words of a key to the front of an array.
 *
 * @param count - Of the words, from place 0 on.
 */
export function fillNoise(key: CounterKey, count: number, out: Float32Array): void {
  loaded ??= load() ?? "impossible";
  if (loaded === "impossible") {
    plainNoise(key, count, out);
    return;
  }
  const { noise, places, program } = loaded;
  for (let at = 0; at < count; at += chunkWords) {
    const length = Math.min(chunkWords, count - at);
    program.words((Math.imul(at, golden) + key.first) | 0, key.second, 0, 4 * length);
    const large = (program.lookUp(0, 4 * length, tableAt, listAt) - listAt) / 4;
    for (let i = 0; i < large; i++) {
      const place = places[i]! / 4;
      noise[place] = quantile(counterWord(key, at + place));
    }
    out.set(noise.subarray(0, length), at);
  }
}

/** {@link fillNoise} without WebAssembly. */
export function plainNoise(key: CounterKey, count: number, out: Float32Array): void {
  const table = quantiles();
  const words = new Int32Array(count);
  plainWords(key.first | 0, key.second | 0, words);
  for (let i = 0; i < count; i++) {
    const upper = words[i]! >>> 16;
    out[i] = upper < firstLarge ? table[upper]! : quantile(words[i]!);
  }
}

function load(): NoiseProgram | undefined {
  const table = quantiles();
  const program = ownWordProgram(tableAt + table.byteLength);
  if (program === undefined) {
    return undefined;
  }
  const { buffer } = program.memory;
  new Float32Array(buffer, tableAt, table.length).set(table);
  return {
    program,
    noise: new Float32Array(buffer, 0, chunkWords),
    places: new Int32Array(buffer, listAt, chunkWords),
  };
}
