import { AbortedError, ConfigError } from "@mmgen/core";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCommand } from "./errors.js";

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

  it("exits with 130 after an interruption", async () => {
    await failingWith(new AbortedError("Stopped."));
    expect([said, process.exitCode]).toEqual([["Stopped.\n"], 130]);
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
