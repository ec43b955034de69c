import { DataError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import pickles from "../../fixtures/pickles.json" with { type: "json" };
import { parsePickle } from "../pickle/parse-pickle.js";
import { parseColoredMnist, parseColoredMnistWithText } from "./colored-mnist.js";

const entries = Object.entries(pickles).map(([name, base64]) => [name, bytesOf(base64)] as const);
const named = (start: string) => entries.filter(([name]) => name.startsWith(start));

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

/** The images that the fixtures' maker wrote. */
function images(count: number, offset: number): number[] {
  return Array.from({ length: count * 12 }, (_, i) => (i + offset) % 4);
}

describe("parseColoredMnist", () => {
  it.each(named("mnist_colored"))("reads %s", (_, bytes) => {
    const { train, test } = parseColoredMnist(bytes);
    expect(train).toMatchObject({ count: 3, height: 2, width: 2, channels: 3, maxValue: 3 });
    expect([...train.data]).toEqual(images(3, 0));
    expect([...test.data]).toEqual(images(2, 1));
  });
});

describe("parseColoredMnistWithText", () => {
  it.each(named("colored_mnist_with_text"))("reads %s", (_, bytes) => {
    const { train, test } = parseColoredMnistWithText(bytes);
    expect([...train.images.data]).toEqual(images(3, 0));
    expect([...test.images.data]).toEqual(images(2, 1));
    expect(train.captions[0]).toBe("dark green eigth on bright cyan");
    expect([...train.digits]).toEqual([8, 1, 0]);
    expect([...test.digits]).toEqual([2, 9]);
    expect(train.digitColors).toHaveLength(3);
  });

  it("names the part that is not as expected", () => {
    const other = named("mnist_colored numpy2 protocol4 C")[0]![1];
    expect(() => parseColoredMnistWithText(other)).toThrow("expected four parts");
    const captioned = named("colored_mnist_with_text numpy2 protocol4 C")[0]![1];
    expect(() => parseColoredMnist(captioned)).toThrow('a dictionary with "train" and "test"');
    const tooBright = other.slice();
    tooBright[Buffer.from(other).indexOf(Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 3)) + 3] = 4;
    expect(() => parseColoredMnist(tooBright)).toThrow("(train): expected levels 0 to 3, got 4 at index 3");
    const foreign = bytesOf(Buffer.from(captioned).toString("base64"));
    foreign.set(Buffer.from("dank"), Buffer.from(foreign).indexOf("dark"));
    expect(() => parseColoredMnistWithText(foreign)).toThrow("caption 0 is not of the form expected");
  });
});

describe("a hostile pickle", () => {
  it.each(named("hostile"))("is refused by name: %s", (name, bytes) => {
    const [, symbol] = name.split(" ");
    // Protocol 2 and 3 write Python 3's builtins, and system's module, as the pickler names them.
    const pattern = new RegExp(`asks for (__builtin__|\\w+)\\.${symbol!.split(".")[1]}`);
    expect(() => parsePickle(bytes)).toThrow(pattern);
  });

  // Each made by Python's own pickle, of what the comment says.
  it.each([
    // Pickler.persistent_id, protocols 2 and 4
    ["gAJ9cQBYBQAAAHRyYWlucQFYAQAAAHhxAlFzLg==", "a persistent object"],
    ["gASVEQAAAAAAAAB9lIwFdHJhaW6UjAF4lFFzLg==", "a persistent object"],
    // copyreg.add_extension("posix", "system", 77), protocols 2 and 4
    ["gAKCTVgEAAAAdHJ1ZXEAhXEBUnECLg==", "a registered extension"],
    ["gASVDgAAAAAAAACCTYwEdHJ1ZZSFlFKULg==", "a registered extension"],
    // str.join
    ["gASVNgAAAAAAAACMCGJ1aWx0aW5zlIwHZ2V0YXR0cpSTlIwIYnVpbHRpbnOUjANzdHKUk5SMBGpvaW6UhpRSlC4=", "builtins.getattr"],
    // OrderedDict(a=1), protocol 2; date(2020, 1, 1), protocol 4; functools.partial
    ["gAJjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQApUnEBWAEAAABhcQJLAXMu", "collections.OrderedDict"],
    ["gASVIAAAAAAAAACMCGRhdGV0aW1llIwEZGF0ZZSTlEMEB+QBAZSFlFKULg==", "datetime.date"],
    ["gASVMQAAAAAAAACMCWZ1bmN0b29sc5SMB3BhcnRpYWyUk5SCTYWUUpQogk2MBHRydWWUhZR9lE50lGIu", "functools.partial"],
  ])("is refused by whatever way it asks: %s", (base64, what) => {
    expect(() => parsePickle(bytesOf(base64))).toThrow(`refused, as it asks for ${what}. Only plain containers`);
  });

  it("is refused when it is of a protocol before 2, or its buffers lie elsewhere", () => {
    // {"a": 1} by protocols 0 and 1
    for (const base64 of ["KGRwMApWYQpwMQpJMQpzLg==", "fXEAWAEAAABhcQFLAXMu"]) {
      expect(() => parsePickle(bytesOf(base64))).toThrow("expected a pickle of protocol 2 to 5");
    }
    // {"train": PickleBuffer(…)} by protocol 5 with buffer_callback
    const without = bytesOf("gAWVDQAAAAAAAAB9lIwFdHJhaW6Ul3Mu");
    expect(() => parseColoredMnist(without)).toThrow(DataError);
  });

  it("cannot make the reader move backward and loop forever", () => {
    // BINBYTES with length -5 - 1: back to itself.
    const looping = Uint8Array.of(0x80, 4, 0x42, 0xfa, 0xff, 0xff, 0xff, 0x2e);
    expect(() => parsePickle(looping)).toThrow("truncated or damaged");
  });

  it("cannot claim more bytes than it has", () => {
    const greedy = Uint8Array.of(0x80, 4, 0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0);
    expect(() => parsePickle(greedy)).toThrow("truncated or damaged");
  });

  it("cannot reach prototypes other than those of its own objects", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    // {"__proto__": {"polluted": True}} by the DICT and SETITEMS opcodes, then as the state of a list.
    const text = (word: string) => [0x8c, word.length, ...Buffer.from(word)];
    const inner = [0x7d, ...text("polluted"), 0x88, 0x73];
    const byDict = [0x80, 4, 0x28, ...text("__proto__"), ...inner, 0x64, 0x2e];
    const byState = [0x80, 4, 0x5d, 0x7d, ...text("__proto__"), ...inner, 0x73, 0x62, 0x2e];
    for (const bytes of [byDict, byState]) {
      expect(() => parsePickle(Uint8Array.from(bytes))).toThrow(DataError);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }
  });
});
