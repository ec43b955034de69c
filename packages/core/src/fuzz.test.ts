import { expect, it } from "vitest";
import { DataError } from "./errors/errors.js";
import { type FuzzTarget, fuzz } from "./fuzz.fixture.js";

/** A magic word, a count, and that many bytes. */
const format: FuzzTarget = {
  name: "length-prefixed",
  samples: [Uint8Array.of(77, 3, 1, 2, 3)],
  inputs: 300,
  parse: (bytes) => {
    if (bytes[0] !== 77 || bytes.length !== 2 + bytes[1]!) {
      throw new DataError("expected another file");
    }
    return bytes.slice(2);
  },
  depth: (bytes, error) => (error === undefined ? "header" : bytes[0] === 77 ? "signature" : "none"),
};

it("gives the same inputs to a parser each time, and reports how deep they came", async () => {
  const seen: Uint8Array[][] = [];
  for (const run of [0, 1]) {
    seen[run] = [];
    const parse = (bytes: Uint8Array) => {
      seen[run]!.push(bytes.slice());
      return format.parse(bytes);
    };
    const report = await fuzz({ ...format, parse });
    expect(report).toMatchObject({ inputs: Number(process.env.MMGEN_FUZZ_INPUTS ?? 300) });
    expect(report.header).toBeGreaterThan(0.1);
    expect(report.signature).toBeGreaterThan(report.header);
  }
  expect(seen[0]).toEqual(seen[1]);
});

it.each<[string, Partial<FuzzTarget>, RegExp]>([
  ["another error", { parse: (bytes) => bytes[0] === 77 || bytes[99]!.toFixed() }, /TypeError/],
  ["a parser that is slow", { maxMilliseconds: 10, parse: (bytes) => bytes[0] !== 77 && spin(30) }, /took \d+ ms/],
  [
    "a parser that takes memory",
    { parse: (bytes) => (bytes[0] !== 77 ? new Uint8Array(2 ** 27) : undefined) },
    /took \d+ bytes/,
  ],
  ["inputs that do not come deep", { depth: () => "signature" }, /too few inputs/],
])("fails with %s", async (_, change, message) => {
  await expect(fuzz({ ...format, ...change })).rejects.toThrow(message);
});

function spin(milliseconds: number): void {
  const start = performance.now();
  while (performance.now() - start < milliseconds) {
    // Nothing.
  }
}
