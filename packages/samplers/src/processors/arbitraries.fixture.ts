import fc from "fast-check";

/** Values that mean nothing, that are infinite, or that nearly are. */
const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, -3.4e38];

/**
 * One row of logits: ordinary ones, strange ones among them, and rows that are strange as a whole: all NaN or infinite, all
 * equal, one or two ids that mean something beside others that do not.
 *
 * @param ordinary - What most logits are.
 */
export function anyLogits(size: number, ordinary: fc.Arbitrary<number> = fc.float()): fc.Arbitrary<number[]> {
  const value = fc.oneof(ordinary, fc.constantFrom(...strange));
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

/** Any settings of the sampler, extreme ones among them, and perhaps a scale of guidance. */
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

/** A model's logits that are one of several rows, by the ids so far and their order. */
export function pickLogits(rows: readonly (readonly number[])[]): (ids: readonly number[]) => readonly number[] {
  return (ids) => rows[ids.reduce((sum, id) => (sum * 31 + id + 1) % 10_007, 0) % rows.length]!;
}
