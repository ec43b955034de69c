import { DataError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeIdx } from "./idx.fixture.js";
import { joinIdx, parseIdx } from "./idx.js";

describe("parseIdx", () => {
  it("reads back whatever shape was written", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(fc.nat(40)),
          fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
        ),
        fc.nat(),
        (shape, seed) => {
          const size = shape.reduce((product, side) => product * side, 1);
          const data = Uint8Array.from({ length: size }, (_, i) => (seed + 7 * i) % 256);
          const read = parseIdx(writeIdx(shape, data));
          expect(read.shape).toEqual(shape);
          expect([...read.data]).toEqual([...data]);
        },
      ),
    );
  });

  it("reads a view that does not start at its buffer's first byte", () => {
    const file = writeIdx([3], Uint8Array.of(4, 5, 6));
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect([...parseIdx(shifted.subarray(3)).data]).toEqual([4, 5, 6]);
  });

  it("gives a plain array for a Buffer, so that slices are copies", () => {
    const { data } = parseIdx(Buffer.from(writeIdx([2], Uint8Array.of(1, 2))));
    const copy = data.slice();
    copy[0] = 9;
    expect(data[0]).toBe(1);
  });

  it("refuses every truncation and every surplus", () => {
    const file = writeIdx([2, 2, 2], new Uint8Array(8));
    for (let length = 0; length < file.length; length++) {
      expect(() => parseIdx(file.subarray(0, length), "images.idx")).toThrow(/images\.idx: /);
    }
    const longer = new Uint8Array(file.length + 1);
    longer.set(file);
    expect(() => parseIdx(longer)).toThrow(/left over/);
  });

  it("refuses sizes that no data set has before multiplying them", () => {
    const hostile = writeIdx([1, 1, 1], Uint8Array.of(0));
    new DataView(hostile.buffer).setUint32(4, 0xffffffff);
    new DataView(hostile.buffer).setUint32(8, 0xffffffff);
    expect(() => parseIdx(hostile)).toThrow(/hostile/);
  });

  it("names gzip and other formats in its error", () => {
    expect(() => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0))).toThrow(/gzip/);
    expect(() => parseIdx(Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 0))).toThrow("got 0x00000d01");
  });

  it("throws nothing but DataError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, withMagic) => {
        if (withMagic && bytes.length >= 4) {
          bytes.set([0, 0, 8, bytes[3]! % 2 === 0 ? 1 : 3]);
        }
        try {
          const { shape, data } = parseIdx(bytes);
          expect(shape.reduce((product, side) => product * side, 1)).toBe(data.length);
        } catch (error) {
          expect(DataError.isInstance(error)).toBe(true);
        }
      }),
    );
  });
});

describe("joinIdx", () => {
  const images = { shape: [2, 1, 2], data: Uint8Array.of(1, 2, 3, 4) };
  const labels = { shape: [2], data: Uint8Array.of(7, 9) };

  it("joins images and labels one for one", () => {
    const joined = joinIdx(images, labels);
    expect(joined.images).toMatchObject({ count: 2, height: 1, width: 2, channels: 1, maxValue: 255 });
    expect([...joined.labels]).toEqual([7, 9]);
  });

  it("refuses swapped files, other counts and other classes", () => {
    expect(() => joinIdx(labels, images)).toThrow(/swapped/);
    expect(() => joinIdx(images, { shape: [1], data: Uint8Array.of(7) })).toThrow("2 images and 1 labels");
    expect(() => joinIdx(images, { shape: [2], data: Uint8Array.of(7, 10) })).toThrow("label 10 at index 1");
  });
});
