import { describe, expect, it } from "vitest";
import { CheckpointError } from "../errors/errors.js";
import { readModelFile, writeModelFile } from "./model-file.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import type { StoredTensor } from "./stored-formats.js";

const tensors = new Map<string, StoredTensor>([
  ["weight", { dtype: "float32", shape: [2], data: Float32Array.of(1, -2) }],
]);
const file = { kind: "mmgen.test", version: 2, run: "r1", config: { width: 2 }, tensors };
const wanted = { kind: "mmgen.test", version: 2 };

function withMetadata(metadata: Record<string, string>): Uint8Array {
  return writeSafetensors({ tensors, metadata });
}

describe("model files", () => {
  it("come back as they were written, and give the same bytes again", () => {
    const bytes = writeModelFile(file);
    expect(readModelFile(bytes, wanted)).toEqual(file);
    expect(writeModelFile(readModelFile(bytes, wanted))).toEqual(bytes);
    expect(readSafetensors(bytes).metadata).toEqual({
      format: "pt",
      kind: "mmgen.test",
      version: "2",
      run: "r1",
      config: '{"width":2}',
    });
  });

  it("may be without a run, and older than the reader", () => {
    const { run: _, ...anonymous } = file;
    const read = readModelFile(writeModelFile({ ...anonymous, version: 1 }), wanted);
    expect(Object.hasOwn(read, "run")).toBe(false);
    expect(read.version).toBe(1);
  });

  it("with a legacy header are version 0 where the caller takes them", () => {
    const bytes = withMetadata({ format: "pt", model: "mmgen-test", config: "{}" });
    expect(readModelFile(bytes, { ...wanted, legacy: { field: "model", value: "mmgen-test" } }).version).toBe(0);
    const marked = withMetadata({ format: "mmgen.old", config: "{}" });
    expect(readModelFile(marked, { ...wanted, legacy: { field: "format", value: "mmgen.old" } }).version).toBe(0);
    expect(() => readModelFile(bytes, wanted)).toThrow('kind "mmgen.test", got "mmgen-test" (string)');
    // A kind counts before any legacy mark.
    const other = withMetadata({ kind: "mmgen.other", model: "mmgen-test", config: "{}" });
    const legacy = { field: "model", value: "mmgen-test" } as const;
    expect(() => readModelFile(other, { ...wanted, legacy })).toThrow('got "mmgen.other" (string)');
  });

  it.each<[Record<string, string>, string]>([
    [{}, 'Expected a file of kind "mmgen.test", got one without a kind.'],
    [{ kind: "mmgen.test\u0000", version: "1", config: "{}" }, 'got "mmgen.test\\u0000" (string)'],
    [{ kind: "mmgen.test", config: "{}" }, "a damaged version: expected a whole number, got undefined"],
    [{ kind: "mmgen.test", version: "1e3", config: "{}" }, 'got "1e3" (string)'],
    [{ kind: "mmgen.test", version: "3", config: "{}" }, "has version 3, and this package reads up to 2. Update"],
    [{ kind: "mmgen.test", version: "1" }, "configuration: expected JSON of at most 1000000 characters, got none"],
    [{ kind: "mmgen.test", version: "1", config: "x".repeat(1e6 + 1) }, "got 1000001 characters"],
    [{ kind: "mmgen.test", version: "1", config: "{" }, 'configuration is not JSON: "{" (string)'],
  ])("are refused with metadata %#", (metadata, message) => {
    expect(() => readModelFile(withMetadata(metadata), wanted)).toThrow(CheckpointError);
    expect(() => readModelFile(withMetadata(metadata), wanted)).toThrow(message);
  });
});
