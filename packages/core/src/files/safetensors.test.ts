import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError } from "../errors/errors.js";
import { readSafetensors, type SafetensorsContent, writeSafetensors } from "./safetensors.js";
import type { StoredTensor } from "./stored-formats.js";

/** A file of any header text and data, well-formed or not. */
function fileOf(header: string | Record<string, unknown>, data: Uint8Array = new Uint8Array(0), claimed?: number) {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (start: number, end: number, shape = [end - start], dtype = "U8") => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

const anyTensor: fc.Arbitrary<StoredTensor> = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.constantFrom("float32", "int32", "uint8"), fc.integer())
  .map(([shape, dtype, seed]) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const bytes = Uint8Array.from({ length: size * 4 }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24);
    const data = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array }[dtype];
    return { dtype, shape, data: new data(bytes.buffer, 0, size) } as StoredTensor;
  });
const anyName = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "0", "1", "toString"),
);
const anyContent: fc.Arbitrary<SafetensorsContent> = fc.record({
  tensors: fc.array(fc.tuple(anyName, anyTensor), { maxLength: 6 }).map((entries) => new Map(entries)),
  metadata: fc.array(fc.tuple(anyName, fc.string({ unit: "grapheme" })), { maxLength: 4 }).map(Object.fromEntries),
});
const bytesOf = ({ data }: StoredTensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("round trip", () => {
  it("keeps names, dtypes, shapes, metadata and every bit", () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        const read = readSafetensors(writeSafetensors(content));
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(content.metadata).sort());
        expect([...read.tensors.keys()].sort()).toEqual([...content.tensors.keys()].sort());
        for (const [name, tensor] of content.tensors) {
          const back = read.tensors.get(name)!;
          expect({ dtype: back.dtype, shape: back.shape }).toEqual({ dtype: tensor.dtype, shape: tensor.shape });
          expect(bytesOf(back)).toEqual(bytesOf(tensor));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("gives the same bytes for the same content, and for what was read back", () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        const bytes = writeSafetensors(content);
        expect(writeSafetensors(content)).toEqual(bytes);
        // Empty arrays share one place in the file, so only their order may change, and only once.
        const again = writeSafetensors(readSafetensors(bytes));
        expect(writeSafetensors(readSafetensors(again))).toEqual(again);
        if ([...content.tensors.values()].every(({ data }) => data.length > 0)) {
          expect(again).toEqual(bytes);
        }
      }),
    );
  });

  it("starts the data and every wide array at a multiple of its width", () => {
    const bytes = writeSafetensors({
      tensors: new Map<string, StoredTensor>([
        ["bytes", { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
        ["floats", { dtype: "float32", shape: [2], data: Float32Array.of(1.5, -2) }],
      ]),
      metadata: {},
    });
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    expect(header).toEqual({ floats: entry(0, 8, [2], "F32"), bytes: entry(8, 11) });
  });

  it("copies: what is read does not share memory with the file, nor the file with what was written", () => {
    const data = Int32Array.of(1, 2);
    const bytes = writeSafetensors({ tensors: new Map([["a", { dtype: "int32", shape: [2], data }]]), metadata: {} });
    data[0] = 9;
    const read = readSafetensors(bytes).tensors.get("a")!;
    bytes.fill(0);
    expect([...read.data]).toEqual([1, 2]);
  });

  it("reads from a Node Buffer and from a view at an odd offset", () => {
    const bytes = writeSafetensors({
      tensors: new Map([["a", { dtype: "float32", shape: [2], data: Float32Array.of(0.5, 8) }]]),
      metadata: { kind: "test" },
    });
    const odd = new Uint8Array(bytes.length + 3);
    odd.set(bytes, 3);
    for (const file of [Buffer.from(bytes), odd.subarray(3)]) {
      expect([...readSafetensors(file).tensors.get("a")!.data]).toEqual([0.5, 8]);
    }
  });
});

it("reads a file laid out as Python's library writes it", () => {
  // save({"w": float32 [[1, 2], [3, 4]], "step": int32 7}, metadata={"format": "pt"}): the header is padded with
  // spaces to a multiple of 8, arrays are ordered by dtype, then by name.
  const header =
    '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},' +
    '"step":{"dtype":"I32","shape":[],"data_offsets":[16,20]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const data = new Uint8Array([...new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer), 7, 0, 0, 0]);
  const { tensors, metadata } = readSafetensors(fileOf(padded, data));
  expect(metadata).toEqual({ format: "pt" });
  expect(tensors.get("w")).toEqual({ dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
  expect(tensors.get("step")).toEqual({ dtype: "int32", shape: [], data: Int32Array.of(7) });
});

it.each<[string, Uint8Array, StoredTensor["dtype"], readonly number[]]>([
  // 1, −2, the least subnormal, the greatest, infinity.
  ["F16", words(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00), "float32", [1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY]],
  ["F16", words(0x7e00, 0x8000, 0x3555), "float32", [Number.NaN, -0, 0.333251953125]],
  ["BF16", words(0x3f80, 0xc000, 0x4049, 0xff80), "float32", [1, -2, 3.140625, Number.NEGATIVE_INFINITY]],
  ["BOOL", Uint8Array.of(0, 1, 1), "uint8", [0, 1, 1]],
  ["I64", new Uint8Array(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n).buffer), "int32", [-(2 ** 31), 2 ** 31 - 1]],
])("reads %s %s as %s, exactly", (code, data, dtype, values) => {
  const { tensors } = readSafetensors(fileOf({ a: entry(0, data.length, [values.length], code) }, data));
  expect(tensors.get("a")!.dtype).toBe(dtype);
  expect([...tensors.get("a")!.data]).toEqual(values);
});

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
      /dtype "U16"; this reader takes F32, I32, U8, F16/,
    ],
    [
      "an I64 value beyond int32",
      fileOf({ a: entry(0, 8, [1], "I64") }, new Uint8Array(BigInt64Array.of(2n ** 31n).buffer)),
      /"a" holds I64 values beyond int32/,
    ],
    ["a dtype off the prototype", fileOf({ a: entry(0, 0, [0], "constructor") }), /dtype "constructor"/],
    ["no dtype", fileOf({ a: { shape: [0], data_offsets: [0, 0] } }), /has dtype undefined/],
    ["a negative side", fileOf({ a: entry(0, 2, [-2]) }, two), /malformed shape/],
    ["a fractional side", fileOf({ a: entry(0, 2, [0.5, 4]) }, two), /malformed shape/],
    ["a shape in words", fileOf({ a: { ...entry(0, 2), shape: "2" } }, two), /malformed shape/],
    ["three offsets", fileOf({ a: { ...entry(0, 2), data_offsets: [0, 1, 2] } }, two), /malformed shape or offsets/],
    ["offsets beyond the data", fileOf({ a: entry(0, 4) }, two), /needs 4 bytes at \[0, 4\) and the file holds 2/],
    ["offsets that run backwards", fileOf({ a: entry(2, 0, [2]) }, two), /needs 2 bytes at \[2, 0\)/],
    ["a size that is not the shape's", fileOf({ a: entry(0, 2, [1], "F32") }, two), /needs 4 bytes/],
    ["a size beyond every number", fileOf({ a: entry(0, 2, Array(40).fill(2 ** 50)) }, two), /needs Infinity bytes/],
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

  it("refuses a header of more than 100 MB before it reads it", () => {
    const bytes = new Uint8Array(100_000_020);
    new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true);
    expect(() => readSafetensors(bytes)).toThrow(/header claims 100000001/);
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
        dtype: fc.constantFrom("F32", "I32", "U8", "BF16", "I64", "F8_E4M3", "toString"),
        shape: numbers,
        data_offsets: numbers,
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(anyName, fc.oneof(record, fc.jsonValue()));
    fc.assert(fc.property(header, fc.uint8Array({ maxLength: 16 }), (json, data) => attempt(fileOf(json, data))));
  });
});

describe("writeSafetensors refuses", () => {
  const write = (tensor: unknown, name = "a") =>
    writeSafetensors({ tensors: new Map([[name, tensor as StoredTensor]]), metadata: {} });

  it.each<[string, unknown, RegExp]>([
    [
      "a length that is not the shape's",
      { dtype: "uint8", shape: [2, 2], data: new Uint8Array(3) },
      /asks for 4 values, got 3/,
    ],
    ["a negative side", { dtype: "uint8", shape: [-1, -3], data: new Uint8Array(3) }, /asks for NaN/],
    ["another array than the dtype's", { dtype: "int32", shape: [1], data: Float32Array.of(1) }, /expected Int32Array/],
    [
      "an unknown dtype",
      { dtype: "float16", shape: [1], data: Float32Array.of(1) },
      /expected float32, int32 or uint8/,
    ],
  ])("%s", (_, tensor, message) => {
    expect(() => write(tensor)).toThrow(CheckpointError);
    expect(() => write(tensor)).toThrow(message);
  });

  it("the metadata's own name, and metadata that is no string", () => {
    expect(() => write({ dtype: "uint8", shape: [1], data: new Uint8Array(1) }, "__metadata__")).toThrow(
      CheckpointError,
    );
    const metadata = { epoch: 3 } as never;
    expect(() => writeSafetensors({ tensors: new Map(), metadata })).toThrow('metadata "epoch": expected a string');
  });
});
