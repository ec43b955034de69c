import { describe, expect, it } from "vitest";
import { DataError } from "../errors/errors.js";
import { agree, GroupError, inAllProcesses, inFirstProcess, isTold, tellFailure, toldAs } from "./group-agreement.js";
import { localProcesses, type ProcessGroup, soleProcess } from "./process-group.js";

const inEach = <Result>(size: number, run: (group: ProcessGroup) => Promise<Result>) =>
  Promise.allSettled(localProcesses(size).map(run));

const reasons = (ends: readonly PromiseSettledResult<unknown>[]) =>
  ends.map((end) => (end as PromiseRejectedResult).reason);

describe("agree", () => {
  it("gives all what any has said", async () => {
    const ends = await inEach(3, ({ rank, ...group }) =>
      agree({ rank, ...group }, { isStopping: rank === 2, number: rank / 7 }),
    );
    const agreed = { isStopping: true, isIncomplete: false, numbers: [0, 1 / 7, 2 / 7] };
    expect(ends).toEqual(Array(3).fill({ status: "fulfilled", value: agreed }));
  });

  it("throws where another process has failed, wherever that did, and all know of both errors", async () => {
    const ends = await inEach(3, async (group) => {
      if (group.rank === 1) {
        throw await tellFailure(group, new DataError("the disk is gone"));
      }
      await agree(group, { number: 5 });
    });
    const [first, second, third] = reasons(ends);
    for (const error of [first, third]) {
      expect(error).toBeInstanceOf(GroupError);
      expect([error.message, error.rank]).toEqual(["Process 1 of 3 failed: DataError: the disk is gone", 1]);
    }
    expect([first, second, third].map(isTold)).toEqual([true, true, true]);
    // Nobody answers, and nobody needs to.
    expect(await tellFailure(localProcesses(2)[0]!, second)).toBe(second);
    expect(isTold(toldAs(new DataError("the same"), second))).toBe(true);
    expect(isTold(toldAs(new DataError("another"), new Error("untold")))).toBe(false);
  });

  it("names the first of several that have failed, whatever they threw", async () => {
    const thrown = [undefined, "a text", new Error("")];
    const ends = await inEach(3, async (group) => {
      if (group.rank === 0) {
        return agree(group);
      }
      throw await tellFailure(group, thrown[group.rank]);
    });
    expect(reasons(ends)[0].message).toBe("Process 1 of 3 failed: a text");
    expect(reasons(ends)[1].message).toBe("a text");
  });

  it("throws in all where one is at its end", async () => {
    const ends = await inEach(2, (group) => agree(group, { hasEnded: group.rank === 1 }));
    for (const error of reasons(ends)) {
      expect(error.message).toMatch(/^1 of 2 processes ended their program/);
    }
    const together = await inEach(2, (group) => agree(group, { hasEnded: true }));
    expect(together.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  });
});

describe("inFirstProcess", () => {
  it("gives all what the first one's work gave, or its failure", async () => {
    const calls: number[] = [];
    const share = (bytes: Uint8Array | undefined) =>
      inEach(3, (group) =>
        inFirstProcess(group, async () => {
          calls.push(group.rank);
          return bytes;
        }),
      );
    for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(), undefined]) {
      expect(await share(bytes)).toEqual(Array(3).fill({ status: "fulfilled", value: bytes }));
    }
    expect(calls).toEqual([0, 0, 0]);
    const failed = await inEach(2, (group) =>
      inFirstProcess(group, () => Promise.reject(new DataError("the disk is gone"))),
    );
    expect(reasons(failed).map(({ name }) => name)).toEqual(["DataError", "GroupError"]);
    expect(await inFirstProcess(soleProcess, async () => Uint8Array.of(7))).toEqual(Uint8Array.of(7));
  });
});

describe("inAllProcesses", () => {
  it("gives each what its own work gave, and fails in all where it fails in one", async () => {
    const ends = await inEach(2, (group) => inAllProcesses(group, async () => group.rank));
    expect(ends.map((end) => (end as PromiseFulfilledResult<number>).value)).toEqual([0, 1]);
    const failed = await inEach(2, (group) =>
      inAllProcesses(group, async () => {
        if (group.rank === 1) {
          throw new DataError("the disk is gone");
        }
      }),
    );
    expect(reasons(failed).map(({ message }) => message)).toEqual([
      "Process 1 of 2 failed: DataError: the disk is gone",
      "the disk is gone",
    ]);
  });
});
