import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError } from "../errors/errors.js";
import { readSafetensors, readSafetensorsMetadata, type SafetensorsContent, writeSafetensors } from "./safetensors.js";
import { entry, fileOf } from "./safetensors-file.fixture.js";
import type { StoredTensor } from "./stored-formats.js";

const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

const anyTensor: fc.Arbitrary<StoredTensor> = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.constantFrom("float32", "int32", "uint8", "int8"), fc.integer())
  .map(([shape, dtype, seed]) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const bytes = Uint8Array.from({ length: size * 4 }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24);
    const data = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array }[dtype];
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

describe("half precision", () => {
  const file = (data: Float32Array) =>
    writeSafetensors({
      tensors: new Map([["a", { dtype: "float32", shape: [data.length], data, storedAs: "F16" }]]),
      metadata: {},
    });
  const rounded = (values: readonly number[]) => [
    ...readSafetensors(file(Float32Array.from(values))).tensors.get("a")!.data,
  ];
  /** Every half from 0 to the largest, ascending. */
  const halves = readSafetensors(
    fileOf({ a: entry(0, 2 * 0x7c00, [0x7c00], "F16") }, words(...Array.from({ length: 0x7c00 }, (_, bits) => bits))),
  ).tensors.get("a")!.data;

  it("keeps every value that it has, in two bytes each", () => {
    const all = [...halves, Number.POSITIVE_INFINITY].flatMap((value) => [value, -value]);
    expect(rounded([...all, Number.NaN])).toEqual([...all, Number.NaN]);
    const bytes = file(Float32Array.from(halves));
    expect(new TextDecoder().decode(bytes.subarray(8, 100))).toContain('"dtype":"F16"');
    expect(bytes.subarray(-2 * halves.length)).toEqual(words(...Array.from(halves, (_, bits) => bits)));
  });

  it("rounds what lies between two to the nearer one, and halfway to the even one", () => {
    const between = (at: number, share: number) => Math.fround(halves[at]! + share * (halves[at + 1]! - halves[at]!));
    const at = [0, 1, 2, 1022, 1023, 1024, 1025, 2047, 15360, 15361, 0x7bfd, 0x7bfe];
    // Shares that float32 holds exactly, also next to 0 where halves are 2⁻²⁴ apart.
    expect(rounded(at.map((each) => between(each, 0.25)))).toEqual(at.map((each) => halves[each]));
    expect(rounded(at.map((each) => between(each, 0.75)))).toEqual(at.map((each) => halves[each + 1]));
    expect(rounded(at.map((each) => between(each, 0.5)))).toEqual(at.map((each) => halves[each + (each % 2)]));
    expect(rounded([65519, 65520, -65520, 2 ** -25, 2 ** -26])).toEqual([65504, Infinity, -Infinity, 0, 0]);
  });

  it("is for float32 alone", () => {
    const write = (tensor: unknown) =>
      writeSafetensors({ tensors: new Map([["a", tensor as StoredTensor]]), metadata: {} });
    const ints = { dtype: "int32", shape: [1], data: Int32Array.of(1), storedAs: "F16" };
    expect(() => write(ints)).toThrow('only float32 data is stored as "F16", got int32');
    const other = { dtype: "float32", shape: [1], data: Float32Array.of(1), storedAs: "BF16" };
    expect(() => write(other)).toThrow(CheckpointError);
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
      /expected float32, int32, uint8 or int8/,
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

describe("readSafetensorsMetadata", () => {
  it("reads the metadata alone, and refuses a header that is none", () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        const bytes = writeSafetensors(content);
        expect(readSafetensorsMetadata(bytes)).toEqual(readSafetensors(bytes).metadata);
      }),
      { numRuns: 30 },
    );
    expect(() => readSafetensorsMetadata(new Uint8Array(7))).toThrow(CheckpointError);
    for (const metadata of ["7", "[]", '{"a":7}']) {
      const header = new TextEncoder().encode(`{"__metadata__":${metadata}}`);
      const bytes = new Uint8Array(8 + header.length);
      bytes[0] = header.length;
      bytes.set(header, 8);
      expect(() => readSafetensorsMetadata(bytes), metadata).toThrow(CheckpointError);
    }
  });
});
