import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError } from "../errors/errors.js";
import { fuzz } from "../fuzz.fixture.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { entry, fileOf } from "./safetensors-file.fixture.js";
import type { StoredTensor } from "./stored-formats.js";

const anyName = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "0", "1", "toString"),
);

describe("hostile and damaged files", () => {
  const two = new Uint8Array(2);
  const four = new Uint8Array(4);
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /expected at least 8 bytes, got 0/],
    ["seven bytes", new Uint8Array(7), /expected at least 8 bytes, got 7/],
    ["a header longer than the file", fileOf("{}", four, 100), /header claims 100 bytes and 6 follow/],
    ["a header of 2^63 bytes", fileOf("{}", four, 2 ** 63), /header claims 9223372036854776000/],
    ["an empty header", fileOf(""), /not JSON/],
    ["a header cut short", fileOf('{"a":'), /not JSON/],
    ["bytes that are not UTF-8", fileOf('{"a":1}').fill(0xff, 9, 10), /not JSON/],
    ["a byte order mark", fileOf("\ufeff{}"), /not JSON/],
    ["a list", fileOf("[]"), /not an object/],
    ["null", fileOf("null"), /not an object/],
    ["an entry that is no object", fileOf({ a: 1 }), /entry "a" is not an object/],
    ["metadata that is no object", fileOf({ __metadata__: "x" }), /entry "__metadata__" is not an object/],
    ["metadata that is no string", fileOf({ __metadata__: { epoch: 3 } }), /metadata "epoch" is not a string/],
    [
      "a foreign dtype",
      fileOf({ a: entry(0, 2, [1], "U16") }, two),
      /dtype "U16" \(string\); this reader takes F32, I32, U8, I8, F16/,
    ],
    [
      "an I64 value beyond int32",
      fileOf({ a: entry(0, 8, [1], "I64") }, new Uint8Array(BigInt64Array.of(2n ** 31n).buffer)),
      /"a" holds I64 values beyond int32/,
    ],
    ["a dtype off the prototype", fileOf({ a: entry(0, 0, [0], "constructor") }), /dtype "constructor"/],
    [
      "a dtype as deep as a stack",
      fileOf(`{"a":{"dtype":${"[".repeat(9000)}${"]".repeat(9000)}}}`),
      /header is more than 4 levels deep/,
    ],
    [
      "a shape of more axes than any array",
      fileOf({ a: entry(0, 2, [2, ...Array(16).fill(1)]) }, two),
      /malformed shape/,
    ],
    ["no dtype", fileOf({ a: { shape: [0], data_offsets: [0, 0] } }), /has dtype undefined/],
    ["a negative side", fileOf({ a: entry(0, 2, [-2]) }, two), /malformed shape/],
    ["a fractional side", fileOf({ a: entry(0, 2, [0.5, 4]) }, two), /malformed shape/],
    ["a shape in words", fileOf({ a: { ...entry(0, 2), shape: "2" } }, two), /malformed shape/],
    ["three offsets", fileOf({ a: { ...entry(0, 2), data_offsets: [0, 1, 2] } }, two), /malformed shape or offsets/],
    ["offsets beyond the data", fileOf({ a: entry(0, 4) }, two), /needs 4 bytes at \[0, 4\) and the file holds 2/],
    ["offsets that run backwards", fileOf({ a: entry(2, 0, [2]) }, two), /needs 2 bytes at \[2, 0\)/],
    ["a size that is not the shape's", fileOf({ a: entry(0, 2, [1], "F32") }, two), /needs 4 bytes/],
    [
      "a size beyond every number",
      fileOf({ a: entry(0, 2, Array(16).fill(2 ** 53 - 1)) }, two),
      /needs 1.8\d+e\+255 bytes/,
    ],
    ["overlap", fileOf({ a: entry(0, 2), b: entry(1, 3) }, new Uint8Array(3)), /"b" starts at byte 1 .* expected 2/],
    ["twice the same bytes", fileOf({ a: entry(0, 2), b: entry(0, 2) }, two), /overlap/],
    ["a gap", fileOf({ a: entry(0, 1), b: entry(2, 3) }, new Uint8Array(3)), /"b" starts at byte 2 .* expected 1/],
    ["bytes before the first array", fileOf({ a: entry(1, 2) }, two), /starts at byte 1/],
    ["bytes after the last array", fileOf({ a: entry(0, 1) }, two), /1 bytes at its end belong to no array/],
    [
      "a name that comes twice",
      fileOf(`{"a":${JSON.stringify(entry(0, 2))},"a":${JSON.stringify(entry(0, 2))}}`, two),
      /holds "a" twice/,
    ],
    ["a dtype that comes twice", fileOf('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /twice/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(CheckpointError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it("refuses a header beyond the limits before it reads it", () => {
    const bytes = new Uint8Array(2 ** 25 + 20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(2 ** 25 + 1), true);
    expect(() => readSafetensors(bytes)).toThrow(
      /header claims 33554433 bytes, and the limit "headerBytes" is 33554432/,
    );
    const small = fileOf({ a: entry(0, 1), b: entry(1, 2) }, two);
    expect(() => readSafetensors(small, { limits: { headerBytes: 10 } })).toThrow(/the limit "headerBytes" is 10/);
    expect(() => readSafetensors(small, { limits: { tensors: 1 } })).toThrow(
      'holds 2 arrays, and the limit "tensors" is 1',
    );
    expect(() => readSafetensors(small, { limits: { tensor: 1 } as never })).toThrow(ConfigError);
    const many = fileOf(`{"a":[${"0,".repeat(3_000_000)}0]}`);
    const before = process.memoryUsage().heapUsed;
    expect(() => readSafetensors(many)).toThrow(/holds more than 2410000 values/);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 25);
  });

  it("quotes at most 200 characters of a name, none that a terminal obeys", () => {
    const name = `\u001b[2J\n${"x".repeat(5000)}`;
    for (const header of [{ [name]: 1 }, { [name]: entry(0, 9) }, { [name]: { ...entry(0, 0), dtype: name } }]) {
      let message = "";
      try {
        readSafetensors(fileOf(header));
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain('"\\u001b[2J\\nxxx');
      expect(message).not.toMatch(/\p{Cc}/u);
      expect(message.length).toBeLessThan(600);
    }
  });

  it("reads the bytes of another realm and of an ArrayBuffer, and refuses by name what is no file", () => {
    const bytes = fileOf({ a: entry(0, 2) }, Uint8Array.of(5, 6));
    const foreign = runInNewContext("Uint8Array.from(bytes)", { bytes: [...bytes] }) as Uint8Array;
    expect(foreign instanceof Uint8Array).toBe(false);
    for (const file of [foreign, foreign.buffer, bytes.buffer]) {
      expect([...readSafetensors(file as Uint8Array).tensors.get("a")!.data]).toEqual([5, 6]);
    }
    for (const other of [
      undefined,
      null,
      "model.safetensors",
      3,
      {},
      [1],
      new Float32Array(4),
      Promise.resolve(bytes),
    ]) {
      expect(() => readSafetensors(other as never)).toThrow(ConfigError);
    }
    expect(() => readSafetensors("model.safetensors" as never)).toThrow('got "model.safetensors" (string)');
  });

  it("keeps names of Object.prototype as ordinary names, and the prototype as it was", () => {
    const header = `{"__metadata__":{"__proto__":"x","constructor":"y"},"__proto__":${JSON.stringify(entry(0, 2))}}`;
    const { tensors, metadata } = readSafetensors(fileOf(header, Uint8Array.of(5, 6)));
    expect([...tensors.get("__proto__")!.data]).toEqual([5, 6]);
    expect(Object.entries(metadata)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it("throws CheckpointError or reads, whatever byte is changed or cut", () => {
    const whole = writeSafetensors({
      tensors: new Map<string, StoredTensor>([
        ["a", { dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ["b", { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ]),
      metadata: { config: "{}" },
    });
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length))).toThrow(CheckpointError);
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const damaged = whole.slice();
        damaged[at] = value;
        try {
          readSafetensors(damaged);
        } catch (error) {
          expect(CheckpointError.isInstance(error)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("throws nothing but CheckpointError on random bytes and random headers", () => {
    const attempt = (bytes: Uint8Array) => {
      try {
        readSafetensors(bytes);
      } catch (error) {
        expect(CheckpointError.isInstance(error)).toBe(true);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), attempt));
    const numbers = fc.array(fc.oneof(fc.nat(8), fc.maxSafeInteger(), fc.double()), { maxLength: 3 });
    const record = fc.record(
      {
        dtype: fc.constantFrom("F32", "I32", "U8", "I8", "BF16", "I64", "F8_E4M3", "toString"),
        shape: numbers,
        data_offsets: numbers,
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(anyName, fc.oneof(record, fc.jsonValue()));
    fc.assert(fc.property(header, fc.uint8Array({ maxLength: 16 }), (json, data) => attempt(fileOf(json, data))));
  });
});

it("holds against mutated files", async () => {
  const samples = [
    writeSafetensors({
      tensors: new Map<string, StoredTensor>([
        ["encoder.weight", { dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ["initialized", { dtype: "int32", shape: [1], data: Int32Array.of(1) }],
        ["b", { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ]),
      metadata: { kind: "mmgen.test", config: '{"width":2}' },
    }),
    fileOf({ a: entry(0, 8, [1], "I64"), c: entry(8, 12, [2, 1], "F16") }, new Uint8Array(12)),
  ];
  await fuzz({
    name: "safetensors",
    samples,
    parse: (bytes) => readSafetensors(bytes),
    words: ["__metadata__", "__proto__", '"dtype":"F64"', '"shape":[', "\\u0000", "[[[[", "data_offsets"],
    repair: withHeaderLength,
    depth(_, error) {
      const message = error?.message ?? "";
      return /header claims|at least 8/.test(message)
        ? "none"
        : /its header (is|holds)/.test(message)
          ? "signature"
          : "header";
    },
  });
});

/** The file with the header's length as it now is: up to the last brace before the data. */
function withHeaderLength(bytes: Uint8Array): Uint8Array {
  const repaired = bytes.length < 8 ? new Uint8Array(8) : bytes.slice();
  const end = Math.max(8, Buffer.from(repaired).lastIndexOf("}}") + 2);
  new DataView(repaired.buffer).setBigUint64(0, BigInt(end - 8), true);
  return repaired;
}
