import { ConfigError } from "@mmgen/core";
import { expect, it } from "vitest";
import { rowSeeds } from "./row-seeds.js";

it("gives all rows different seeds, which depend on the base seed", () => {
  const seeds = rowSeeds(7, 100_000);
  expect(new Set(seeds).size).toBe(100_000);
  expect(rowSeeds(7, 5)).toEqual(seeds.slice(0, 5));
  expect(rowSeeds(8, 5)).not.toEqual(seeds.slice(0, 5));
});

it("gives a row the same seed in batches of any size", () => {
  const whole = rowSeeds(-3, 10);
  expect([...rowSeeds(-3, 4, 0), ...rowSeeds(-3, 6, 4)]).toEqual([...whole]);
});

it("refuses invalid row counts and seeds", () => {
  expect(() => rowSeeds(1, -1)).toThrow(ConfigError);
  expect(() => rowSeeds(1, 2, 0.5)).toThrow(ConfigError);
  expect(() => rowSeeds(0.5, 2)).toThrow(ConfigError);
});
