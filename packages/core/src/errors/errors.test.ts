import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import * as errors from "./errors.js";

const { CheckpointError, ConfigError, MmgenError, ShapeError } = errors;

describe("errors", () => {
  it.each(Object.entries(errors))("%s is named after its class, in print and in the stack", (name, ErrorClass) => {
    const error = new ErrorClass("what was expected, what came");
    expect(error.name).toBe(name);
    expect(ErrorClass.kind).toBe(name);
    expect(String(error)).toBe(`${name}: what was expected, what came`);
    expect(error.stack).toMatch(new RegExp(`^${name}: what was expected`));
    expect(Object.keys(error)).toEqual([]);
    expect(inspect(error)).not.toContain("kind");
  });

  it("isInstance knows the tree: a class answers for itself and for those below it", () => {
    expect(MmgenError.isInstance(new ShapeError("x"))).toBe(true);
    expect(ShapeError.isInstance(new ShapeError("x"))).toBe(true);
    expect(ShapeError.isInstance(new MmgenError("x"))).toBe(false);
    expect(ShapeError.isInstance(new ConfigError("x"))).toBe(false);
  });

  it.each([undefined, null, 0, "ShapeError", {}, new Error("x"), { name: "ShapeError" }])(
    "isInstance refuses %s",
    (value) => {
      expect(MmgenError.isInstance(value)).toBe(false);
    },
  );

  it("isInstance holds across two copies of the package, where instanceof does not", async () => {
    vi.resetModules();
    const copy = await import("./errors.js");
    const error = new copy.CheckpointError("from the other copy");
    expect(error instanceof CheckpointError).toBe(false);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect(MmgenError.isInstance(error)).toBe(true);
    expect(ShapeError.isInstance(error)).toBe(false);
    expect(copy.MmgenError.isInstance(new ShapeError("from this copy"))).toBe(true);
  });

  it("keeps every message to one printable line that ends", () => {
    const { message, stack } = new ConfigError(`a\r\n  b\u001b[2J\u202e\0 zwölf ${"x".repeat(1e6)}`);
    expect(message.slice(0, 40)).toMatch(/^a b\\u001b\[2J\\u202e\\u0000 zwölf x+/);
    expect(message).toHaveLength(4000);
    expect(stack!.length).toBeLessThan(8000);
    expect(new ConfigError(undefined as never).message).toBe("undefined");
  });

  it("keeps its cause", () => {
    const cause = new Error("disk full");
    expect(new CheckpointError("Cannot write", { cause }).cause).toBe(cause);
  });
});
