import { ConfigError, DataError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import type { PickleValue } from "./check-plain-value.js";
import { parsePickle } from "./parse-pickle.js";

const fromBase64 = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));
/** A pickle of operations, given as numbers and as texts of one byte a character. */
const pickle = (...parts: (number | string | Uint8Array)[]) =>
  new Uint8Array(
    Buffer.concat([
      Buffer.of(0x80, 4),
      ...parts.map((part) =>
        typeof part === "number"
          ? Buffer.of(part)
          : typeof part === "string"
            ? Buffer.from(part, "latin1")
            : Buffer.from(part),
      ),
    ]),
  );
const uint32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

describe("parsePickle", () => {
  // Each made by Python 3.11's pickle, by protocols 2 to 5 in this order.
  it.each<[string, PickleValue, ...string[]]>([
    [
      "whole numbers of any size",
      // [-2**31-1, -2**31, 2**31, -1, 255, 256, 65536, 2**53-1, 2**53, -2**63, 2**64, -(2**200), 0, -129]
      [
        ...[-2147483649, -2147483648, 2147483648, -1, 255, 256, 65536, 2 ** 53 - 1],
        ...[2n ** 53n, -(2n ** 63n), 2n ** 64n, -(2n ** 200n), 0, -129],
      ],
      "gAJdcQAoigX///9//0oAAACAigUAAACAAEr/////S/9NAAFKAAABAIoH////////H4oHAAAAAAAAIIoIAAAAAAAAAICKCQAAAAAAAAAAAYoaAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP9LAEp/////ZS4=",
      "gASVcQAAAAAAAABdlCiKBf///3//SgAAAICKBQAAAIAASv////9L/00AAUoAAAEAigf///////8figcAAAAAAAAgiggAAAAAAAAAgIoJAAAAAAAAAAABihoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/0sASn////9lLg==",
    ],
    ["floats", [0.5, -1e300, Number.POSITIVE_INFINITY], "gAJdcQAoRz/gAAAAAAAAR/435DyIAHWcR3/wAAAAAAAAZS4="],
    [
      "text, a byte order mark kept",
      ["", "\ufeffa", "zwölf", "\u{1f600}", "a\0b"],
      "gAJdcQAoWAAAAABxAVgEAAAA77u/YXECWAYAAAB6d8O2bGZxA1gEAAAA8J+YgHEEWAMAAABhAGJxBWUu",
      "gASVJQAAAAAAAABdlCiMAJSMBO+7v2GUjAZ6d8O2bGaUjATwn5iAlIwDYQBilGUu",
    ],
    [
      "bytes",
      // [b"", b"\xff\0", bytearray(b"ab")]
      [Uint8Array.of(), Uint8Array.of(255, 0), Uint8Array.of(97, 98)],
      "gAJdcQAoY19fYnVpbHRpbl9fCmJ5dGVzCnEBKVJxAmNfY29kZWNzCmVuY29kZQpxA1gDAAAAw78AcQRYBgAAAGxhdGluMXEFhnEGUnEHY19fYnVpbHRpbl9fCmJ5dGVhcnJheQpxCGgDWAIAAABhYnEJaAWGcQpScQuFcQxScQ1lLg==",
      "gANdcQAoQwBxAUMC/wBxAmNidWlsdGlucwpieXRlYXJyYXkKcQNDAmFicQSFcQVScQZlLg==",
      "gASVLwAAAAAAAABdlChDAJRDAv8AlIwIYnVpbHRpbnOUjAlieXRlYXJyYXmUk5RDAmFilIWUUpRlLg==",
      "gAWVGQAAAAAAAABdlChDAJRDAv8AlJYCAAAAAAAAAGFilGUu",
    ],
    [
      "sets",
      // [{1, 2}, frozenset([(1, "a")]), set()]
      [new Set([1, 2]), new Set([[1, "a"]]), new Set()],
      "gAJdcQAoY19fYnVpbHRpbl9fCnNldApxAV1xAihLAUsCZYVxA1JxBGNfX2J1aWx0aW5fXwpmcm96ZW5zZXQKcQVdcQZLAVgBAAAAYXEHhnEIYYVxCVJxCmgBXXELhXEMUnENZS4=",
      "gANdcQAoY2J1aWx0aW5zCnNldApxAV1xAihLAUsCZYVxA1JxBGNidWlsdGlucwpmcm96ZW5zZXQKcQVdcQZLAVgBAAAAYXEHhnEIYYVxCVJxCmgBXXELhXEMUnENZS4=",
      "gASVGgAAAAAAAABdlCiPlChLAUsCkChLAYwBYZSGlJGUj5RlLg==",
    ],
    [
      "dictionaries, whatever their keys are called",
      // {"__proto__": {"x": 1}, "constructor": 2, (1, 2): None, 7: True}
      new Map<PickleValue, PickleValue>([
        ["__proto__", new Map([["x", 1]])],
        ["constructor", 2],
        [[1, 2], null],
        [7, true],
      ]),
      "gAJ9cQAoWAkAAABfX3Byb3RvX19xAX1xAlgBAAAAeHEDSwFzWAsAAABjb25zdHJ1Y3RvcnEESwJLAUsChnEFTksHiHUu",
      "gASVNAAAAAAAAAB9lCiMCV9fcHJvdG9fX5R9lIwBeJRLAXOMC2NvbnN0cnVjdG9ylEsCSwFLAoaUTksHiHUu",
    ],
  ])("reads %s", (_, expected, ...files) => {
    for (const file of files) {
      expect(parsePickle(fromBase64(file))).toEqual(expected);
    }
  });

  it("takes the texts and bytes of Python 2 as characters of one byte", () => {
    expect(parsePickle(pickle("U\x02\xe9b."))).toBe("éb");
  });

  it("reads a view, and a Uint8Array of another realm's kind, and refuses what is none", () => {
    const shifted = new Uint8Array([9, ...pickle("K\x07.")]);
    expect(parsePickle(shifted.subarray(1))).toBe(7);
    expect(() => parsePickle("x" as never, "a.pkl")).toThrow(
      'a.pkl: expected the bytes of a file as a Uint8Array, got "x"',
    );
    expect(() => parsePickle(undefined as never)).toThrow(ConfigError);
  });

  it("can share a value without counting as endless", () => {
    const shared = [1];
    expect(parsePickle(pickle("]\x94K\x01a0h\x00h\x00\x86."))).toEqual([shared, shared]);
  });
});

describe("parsePickle refuses", () => {
  const dtype = (code: string) => ["cnumpy\ndtype\n", "X", uint32(code.length), code, "\x85R"] as const;
  const array = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n\x85R";

  it.each<[string, Uint8Array, string]>([
    [
      "no state of a list",
      pickle("]}X", uint32(6), "length\x8a\x04\xff\xff\xff\xffsb."),
      "sets the state of what is no numpy array",
    ],
    ["no call with a list of arguments", pickle("cnumpy\ndtype\n]R."), "calls what is no function"],
    ["values that are left over", pickle("K\x01K\x02."), "values are left over"],
    ["marks that are left over", pickle("(K\x01."), "left over|lacks"],
    ["memo entries that are missing", pickle("h\x05."), "refers to value 5, which it did not store"],
    ["text that is not UTF-8", pickle("\x8c\x02\xc3\x28."), "text that is not UTF-8"],
    ["text with half a character pair", pickle("\x8c\x03\xed\xa0\x80."), "text that is not UTF-8"],
    ["DICT, LIST and other old operations", pickle("(K\x01K\x02d."), "operation 0x64 is none that protocols 2 to 5"],
    ["appending to a tuple", pickle(")K\x01a."), "appends to what is no list"],
    ["keys without values", pickle("}(K\x01u."), "keys without values"],
    ["lists as keys", pickle("}]K\x01s."), "a key of a dictionary or set is a list"],
    ["values below a mark", pickle("K\x01(\x85."), "an operation lacks its value"],
    ["a container in itself", pickle("]\x94h\x00a."), "a container in itself"],
    ["a frame longer than the file", pickle("\x95\xff\xff\xff\xff\xff\xff\xff\xff."), "expected"],
    ["a function as a value", pickle("cnumpy\nndarray\n."), "a function's name or a dtype"],
    ["a function within a tuple", pickle("cnumpy\nndarray\n\x85."), "a function's name or a dtype"],
    ["other encodings", pickle("c_codecs\nencode\n\x8c\x01a\x8c\x04utf8\x86R."), "another use of _codecs.encode"],
    ["objects of classes", pickle("cnumpy\nndarray\n)\x81."), "an object of a class"],
    ["buffers outside the file", pickle("\x97."), "a buffer outside the file"],
    ["protocols that do not exist", Uint8Array.of(0x80, 6, 0x4e, 0x2e), "got protocol 6"],
    ["a big-endian dtype", pickle(...dtype("U1"), "(K\x03\x8c\x01>tb."), "little-endian"],
    ["an array without order", pickle(array, "(K\x01)", ...dtype("u1"), "NC\x00tb."), "a list of sizes and an order"],
    [
      "a shape of other values",
      pickle(array, "(K\x01K\x03\x85", ...dtype("u1"), "\x89C\x02abtb."),
      "asks for 3 values, got 2",
    ],
    [
      "a shape beyond every array",
      pickle(array, "(K\x01(K\x00G\x43\xf0\0\0\0\0\0\0t", ...dtype("u1"), "\x89C\x00tb."),
      "a list of sizes",
    ],
  ])("%s", (_, bytes, reason) => {
    const error = (() => {
      try {
        return parsePickle(bytes, "strange.pkl");
      } catch (caught) {
        return caught as Error;
      }
    })() as Error;
    expect(DataError.isInstance(error), String(error)).toBe(true);
    expect(error.message).toMatch(new RegExp(`^strange\\.pkl: .*(${reason})`));
  });

  it("containers that lie too deep in each other", () => {
    const nested = (depth: number) => pickle(")", "\x85".repeat(depth - 1), ".");
    expect(parsePickle(nested(64))).toHaveLength(1);
    expect(() => parsePickle(nested(65))).toThrow("more than 64 containers");
    expect(() => parsePickle(nested(100_000))).toThrow("more than 64 containers");
    expect(parsePickle(nested(65), "deep.pkl", { depth: 65 })).toHaveLength(1);
  });

  it("names that would break a line, cut", () => {
    const asked = () => parsePickle(pickle(`cposix\x1b[31m\n${"x".repeat(900)}\n.`));
    expect(asked).toThrow(/asks for "posix\\u001b\[31m\.x+…/);
    expect(asked).not.toThrow(/\p{Cc}|x{300}/u);
  });

  it("keeps an array's own copy of its texts", () => {
    // The list of captions is made longer after the array took it.
    const bytes = pickle(
      array,
      "\x94(K\x01K\x01\x85",
      ...dtype("O"),
      "\x89]\x94\x8c\x01aa",
      "t\x62",
      "h\x01\x8c\x01ba0.",
    );
    expect(parsePickle(bytes)).toMatchObject({ shape: [1], values: ["a"] });
  });

  it("keeps zeros within a text of an array, drops those that fill it up", () => {
    const text = new Uint8Array(Uint32Array.of(97, 0, 98, 0).buffer);
    const bytes = (content: Uint8Array) =>
      pickle(array, "(K\x01K\x01\x85", ...dtype("<U4"), "\x89C\x10", content, "tb.");
    expect(parsePickle(bytes(text))).toMatchObject({ values: ["a\0b"] });
    expect(() => parsePickle(bytes(new Uint8Array(Uint32Array.of(0xd800, 0, 0, 0).buffer)))).toThrow("outside Unicode");
  });
});

describe("a pickle of a few bytes that would take gigabytes", () => {
  const dtype = ["cnumpy\ndtype\nX", uint32(1), "O\x85R"] as const;
  const array = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n\x85R";
  const minusOne = "\x8a\x04\xff\xff\xff\xff";
  const length = (count: string) => ["]}X", uint32(6), "length", count, "sb"] as const;
  const many = 100_000;

  it.each<[string, Uint8Array]>([
    ["the arguments of a call are an array of 2³² holes", pickle("cnumpy\ndtype\n", ...length(minusOne), "R.")],
    [
      "an array's values are one of 2³² holes",
      pickle(array, "(N(", minusOne, "t", ...dtype, "N", ...length(minusOne), "tb."),
    ],
    ["a number has 100 000 bytes", pickle("\x8b", uint32(many), "\x7f".repeat(many), ".")],
    [
      "one text is encoded again and again",
      pickle(
        "c_codecs\nencode\nq\x00X",
        uint32(many),
        "A".repeat(many),
        "X",
        uint32(6),
        "latin1\x86q\x010",
        "h\x00h\x01R0".repeat(3000),
        "N.",
      ),
    ],
    [
      "one list of texts is taken for array after array",
      pickle(
        "](",
        "\x8c\x00".repeat(many),
        "e\x94",
        `${array}\x94`,
        ...dtype,
        "\x940",
        "h\x01(K\x01)h\x02\x89h\x00tb".repeat(500),
        ".",
      ),
    ],
    ["it makes dictionaries only", pickle("}".repeat(500_000), ".")],
  ])("is refused at once: %s", (_, bytes) => {
    const before = process.memoryUsage();
    const began = performance.now();
    expect(() => parsePickle(bytes)).toThrow(DataError);
    expect(performance.now() - began).toBeLessThan(2000);
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(2 ** 27);
  });

  it("takes the budget and the time from its limits", () => {
    const long = pickle("X", uint32(1000), "a".repeat(1000), ".");
    expect(() => parsePickle(long, "x.pkl", { inflatedBytes: 1000 })).toThrow(
      /more than 1000 bytes.*limits\.inflatedBytes/,
    );
    expect(parsePickle(long)).toHaveLength(1000);
    const slow = pickle("N0".repeat(50_000), "N.");
    expect(() => parsePickle(slow, "x.pkl", { parseMilliseconds: 0 })).toThrow("limits.parseMilliseconds");
    expect(parsePickle(slow)).toBeNull();
    expect(() => parsePickle(slow, "x.pkl", { inflatedByte: 1 } as never)).toThrow('did you mean "inflatedBytes"');
  });
});
