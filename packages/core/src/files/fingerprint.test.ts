import { expect, it } from "vitest";
import { fingerprint } from "./fingerprint.js";

it("tells parts apart by every byte, their lengths and their bounds", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const prints = new Set<string>();
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice();
    changed[i]! ^= 1;
    prints.add(fingerprint([changed]));
  }
  prints.add(fingerprint([bytes]));
  prints.add(fingerprint([bytes.subarray(0, 400), bytes.subarray(400)]));
  prints.add(fingerprint([bytes, new Uint8Array(0)]));
  for (let length = 0; length < 8; length++) {
    prints.add(fingerprint([new Uint8Array(length)]));
  }
  expect(prints.size).toBe(1000 + 3 + 8);
});

it("is the same everywhere: a file written today is compared for years", () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => 7 * i);
  const unaligned = new Uint8Array([9, ...bytes]).subarray(1);
  expect(fingerprint([bytes])).toMatch(/^[0-9a-f]{32}$/);
  expect(fingerprint([unaligned])).toBe(fingerprint([bytes]));
  expect(fingerprint([bytes])).toMatchInlineSnapshot(`"a1377b8497b1d9d2bb2213146bae4851"`);
});
