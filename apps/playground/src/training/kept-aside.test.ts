import { expect, it } from "vitest";
import { keptAside } from "./kept-aside.js";

it("keeps images aside in memory that holds nothing else", () => {
  const data = Uint8Array.from({ length: 12 }, (_, i) => i);
  const kept = keptAside({ data, count: 3, height: 2, width: 2, channels: 1, maxValue: 255 }, 1);
  expect(kept.count).toBe(2);
  expect([...kept.data]).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  expect(kept.data.buffer.byteLength).toBe(8);
});
