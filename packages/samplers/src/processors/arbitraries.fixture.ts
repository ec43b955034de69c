import fc from "fast-check";

/** NaN, infinite values, and values near the limits of float32. */
const extreme = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, -3.4e38];

/**
 * Generates one row of logits: ordinary values, some extreme values among them, and extreme rows: all NaN or infinite,
 * all equal, or one or two ids with a value while the others are NaN, −Infinity or 0.
 *
 * @param ordinary - Generator of ordinary logits.
 */
export function anyLogits(size: number, ordinary: fc.Arbitrary<number> = fc.float()): fc.Arbitrary<number[]> {
  const value = fc.oneof(ordinary, fc.constantFrom(...extreme));
  const rowOf = (each: fc.Arbitrary<number>) => fc.array(each, { minLength: size, maxLength: size });
  const equal = value.map((each) => new Array<number>(size).fill(each));
  const few = fc
    .record({
      ids: fc.uniqueArray(fc.nat({ max: size - 1 }), { minLength: 1, maxLength: 2 }),
      value,
      others: fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, 0),
    })
    .map(({ ids, value, others }) => Array.from({ length: size }, (_, id) => (ids.includes(id) ? value : others)));
  return fc.oneof(rowOf(ordinary), rowOf(value), fc.constant(new Array<number>(size).fill(Number.NaN)), equal, few);
}

/** Generates sampling options, extreme ones among them, and optionally a guidance scale. */
export const anySampling = fc.record(
  {
    temperature: fc.constantFrom(0, 1e-40, 0.01, 1, 100),
    topK: fc.integer({ min: 1, max: 8 }),
    topP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    typicalP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    repetitionPenalty: fc.constantFrom(0.1, 1, 3),
    scale: fc.constantFrom(-1, 0, 7, 1e30),
  },
  { requiredKeys: [] },
);

/** Logits function of a fake model: chooses one of `rows` by a hash of the ids so far. */
export function pickLogits(rows: readonly (readonly number[])[]): (ids: readonly number[]) => readonly number[] {
  return (ids) => rows[ids.reduce((sum, id) => (sum * 31 + id + 1) % 10_007, 0) % rows.length]!;
}
