import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../errors/errors.js";
import { localProcesses, soleProcess } from "./process-group.js";

describe("localProcesses", () => {
  it("gives all the same sums, in the order of the ranks and the values' own precision", async () => {
    const groups = localProcesses(3);
    const terms = [2 ** 24, 1, 1];
    const values = groups.map(({ rank }) => Float32Array.of(terms[rank]!, rank));
    // The last comes first: the order of arrival does not count.
    await Promise.all([2, 0, 1].map((rank) => groups[rank]!.sum(values[rank]!)));
    // Each 1 alone is lost in float32.
    expect(values.map((each) => [...each])).toEqual(Array(3).fill([2 ** 24, 3]));
    expect(groups.map(({ rank, size }) => [rank, size])).toEqual([0, 1, 2].map((rank) => [rank, 3]));
  });

  it("copies the first one's values", async () => {
    const groups = localProcesses(2);
    const values = [Uint8Array.of(1, 2), Uint8Array.of(3, 4)];
    await Promise.all(groups.map((group) => group.broadcast(values[group.rank]!)));
    expect(values.map((each) => [...each])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("refuses calls that do not fit together, in all of them", async () => {
    const [a, b] = localProcesses(2) as [ReturnType<typeof localProcesses>[0], ReturnType<typeof localProcesses>[0]];
    for (const calls of [
      [a.sum(new Float32Array(2)), b.sum(new Float32Array(3))],
      [a.sum(new Float32Array(2)), b.sum(new Float64Array(2))],
      [a.sum(new Float32Array(2)), b.broadcast(new Float32Array(2))],
      [a.sum(new Float32Array(2)), a.sum(new Float32Array(2))],
    ]) {
      const ends = await Promise.allSettled(calls);
      expect(ends.map((end) => end.status === "rejected" && ShapeError.isInstance(end.reason))).toEqual([true, true]);
    }
    expect(() => localProcesses(1.5)).toThrow(ConfigError);
  });
});

it("leaves the values of a process that is alone", async () => {
  const values = Float64Array.of(1, 2);
  await soleProcess.sum(values);
  await soleProcess.broadcast(values);
  expect([...values, soleProcess.rank, soleProcess.size]).toEqual([1, 2, 0, 1]);
});
