import { rmdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AbortedError, ConfigError } from "@mmgen/core";
import { Command, InvalidArgumentError } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { interruptSignal, positiveNumber, runCommand, wholeNumber } from "./command.js";

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const failingWith = (error: Error) => runCommand(() => Promise.reject(error));

describe("runCommand", () => {
  it("says what was wrong in one line and exits with 2", async () => {
    await failingWith(new ConfigError("width: expected 8,\ngot 7."));
    expect([said, process.exitCode]).toEqual([["Error: width: expected 8, got 7.\n"], 2]);
  });

  it("says in one line what the operating system refused", async () => {
    const folder = fileURLToPath(new URL("nowhere/", import.meta.url));
    await runCommand(async () => void (await rmdir(folder)));
    expect([said, process.exitCode]).toEqual([[`Error: ENOENT: no such file or directory, rmdir '${folder}'\n`], 2]);
  });

  it("exits with 130 after an interruption", async () => {
    await failingWith(new AbortedError("Stopped."));
    expect([said, process.exitCode]).toEqual([["Stopped.\n"], 130]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("stops at %s, exits with %d, and at once at the second", async (signal, status) => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const listeners = process.listeners(signal).length;
    const { signal: aborted } = interruptSignal();
    try {
      process.emit(signal);
      expect([aborted.aborted, exit.mock.calls]).toEqual([true, []]);
      await failingWith(new AbortedError("Stopped."));
      expect(process.exitCode).toBe(status);
      process.emit(signal);
      expect(exit.mock.calls).toEqual([[status]]);
    } finally {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process
          .listeners(name)
          .slice(-1)
          .forEach((listener) => void process.off(name, listener));
      }
    }
    expect(process.listeners(signal)).toHaveLength(listeners);
  });

  it("goes on where the terminal is closed or full, and says where results are lost", async () => {
    await runCommand(async () => {
      process.stderr.emit("error", Object.assign(new Error("write EAGAIN"), { code: "EAGAIN" }));
      process.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    });
    expect([said, process.exitCode]).toEqual([[], undefined]);
    process.stdout.emit("error", Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }));
    expect([said, process.exitCode]).toEqual([
      ["Error: standard output cannot be written: ENOSPC: no space left\n"],
      2,
    ]);
  });

  it("exits with 2 for a wrong option, and with 0 after help", async () => {
    const parse = (...argv: string[]) =>
      runCommand(async () => {
        new Command("test")
          .exitOverride()
          .configureOutput({ writeOut() {} })
          .parse(argv, { from: "user" });
      });
    await parse("--nonsense");
    expect([said, process.exitCode]).toEqual([["error: unknown option '--nonsense'\n"], 2]);
    await parse("--help");
    expect(process.exitCode).toBe(0);
  });

  it("lets a defect keep its stack", async () => {
    await expect(failingWith(new TypeError("x is not a function"))).rejects.toThrow(TypeError);
  });
});

describe("parsers of whole numbers", () => {
  it("take 0 only where at least 0 is asked for", () => {
    expect([wholeNumber("0"), wholeNumber("12"), positiveNumber("1")]).toEqual([0, 12, 1]);
    expect(() => positiveNumber("0")).toThrow(InvalidArgumentError);
    expect(() => positiveNumber("0")).toThrow("at least 1");
  });

  it.each(["", " ", "-1", "1.5", "many", "1e20"])("refuse %j", (text) => {
    expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
    expect(() => positiveNumber(text)).toThrow(InvalidArgumentError);
  });
});
