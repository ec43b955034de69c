import { ConfigError } from "@mmgen/core";
import { expect, it } from "vitest";
import { chooseOrders, type Order } from "./orders.js";

it("uses one order for all rows, a list of orders, or halves the batch", () => {
  expect(chooseOrders("image-first", 2)).toEqual(["image-first", "image-first"]);
  expect(chooseOrders(["image-first", "text-first"], 2)).toEqual(["image-first", "text-first"]);
  expect(chooseOrders("halves", 3)).toEqual(["text-first", "text-first", "image-first"]);
});

it("chooses at random by example and epoch, independent of the batch", () => {
  const choice = { seed: 1, epoch: 0 };
  const all = chooseOrders(choice, 4000);
  const textFirst = all.filter((order) => order === "text-first").length;
  // Four standard deviations: 4 · √(4000 / 4) = 126.
  expect(Math.abs(textFirst - 2000)).toBeLessThan(126);
  expect(chooseOrders({ ...choice, indices: [7, 3999, 0] }, 3)).toEqual([all[7], all[3999], all[0]]);
  for (const other of [
    { ...choice, epoch: 1 },
    { ...choice, seed: 2 },
  ]) {
    const same = chooseOrders(other, 4000).filter((order, i) => order === all[i]).length;
    expect(Math.abs(same - 2000)).toBeLessThan(126);
  }
});

it("refuses lists of another length and unknown orders", () => {
  expect(() => chooseOrders(["text-first"], 2)).toThrow(ConfigError);
  expect(() => chooseOrders("sideways" as Order, 2)).toThrow(ConfigError);
  expect(() => chooseOrders(["sideways" as Order], 1)).toThrow(ConfigError);
  expect(() => chooseOrders({ seed: 1, epoch: 0, indices: [1] }, 2)).toThrow(ConfigError);
  expect(() => chooseOrders({ seed: 0.5, epoch: 0 }, 2)).toThrow(ConfigError);
  expect(() => chooseOrders({ seed: 1, epoch: 0, indexes: [1, 2] } as never, 2)).toThrow('did you mean "indices"');
});
