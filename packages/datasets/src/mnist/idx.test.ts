import { gzipSync } from "node:zlib";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeIdx } from "./idx.fixture.js";
import { joinIdx, parseIdx } from "./idx.js";
import { inflateIdx } from "./load-idx-folder.js";

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

  it("takes the bytes of a file, and nothing else", () => {
    expect(parseIdx(writeIdx([1], Uint8Array.of(7)).buffer as never).shape).toEqual([1]);
    expect(() => parseIdx("images.idx" as never, "images")).toThrow("images: expected the bytes of a file");
  });

  it("holds against damaged files, plain and compressed", async () => {
    const files = [writeIdx([5], Uint8Array.of(1, 2, 3, 4, 9)), writeIdx([2, 3, 4], new Uint8Array(24).fill(7))];
    const limits = { inflatedBytes: 2 ** 20 };
    await fuzz({
      name: "IDX",
      samples: [...files, ...files, ...files.map((file) => new Uint8Array(gzipSync(file)))],
      // The header's sizes account for the whole file again.
      repair: (bytes) => {
        if (bytes.length > 16 && bytes[0] === 0) {
          const view = new DataView(bytes.buffer, bytes.byteOffset);
          view.setUint32(0, bytes[3]! % 2 === 0 ? 0x801 : 0x803);
          view.setUint32(4, bytes[3] === 1 ? bytes.length - 8 : 1);
          if (bytes[3] === 3) {
            view.setUint32(8, bytes.length - 16);
            view.setUint32(12, 1);
          }
        }
        return bytes;
      },
      parse: (bytes) => {
        const { shape, data } = parseIdx(inflateIdx(bytes, "a.idx", limits));
        expect(shape.reduce((product, side) => product * side, 1)).toBe(data.length);
      },
      depth: (bytes, error) => {
        const isIdx = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8;
        if (error === undefined) {
          return "header";
        }
        return isIdx || (bytes[0] === 0x1f && bytes[1] === 0x8b) ? "signature" : "none";
      },
    });
  }, 60_000);
});

describe("a compressed IDX file", () => {
  it("is decompressed to what its header says, and no further", () => {
    const read = (header: number[], bytes: number, limits = { inflatedBytes: 2 ** 20 }) => {
      const file = writeIdx([], new Uint8Array(0));
      const content = new Uint8Array(16 + bytes);
      content.set(file);
      const view = new DataView(content.buffer);
      view.setUint32(0, 0x800 + header.length);
      header.forEach((size, axis) => {
        view.setUint32(4 + 4 * axis, size);
      });
      return parseIdx(inflateIdx(gzipSync(content), "a.gz", limits));
    };
    expect(read([2, 3, 4], 24).shape).toEqual([2, 3, 4]);
    expect(() => read([1000, 1000, 2], 24)).toThrow(/at most 1048576 bytes.*the header claims 1000 × 1000 × 2/);
    expect(() => read([2, 3, 4], 2 ** 24)).toThrow("a.gz: expected at most 40 bytes of content, got more");
    expect(() => read([2, 3, 400], 24)).toThrow("The file is truncated");
    expect(() => inflateIdx(gzipSync(""), "a.gz", { inflatedBytes: 9 })).toThrow("got 0 bytes in all");
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
