import { CheckpointError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { modelDescriptionFile, readModelDescription } from "./model-description.js";

const bytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

describe("a model's description", () => {
  it("comes back as it was written, and models of before have the presets' sampling", () => {
    const description = { sampling: { temperature: 0.5, topK: 3 } };
    expect(readModelDescription(modelDescriptionFile(description, "r1"))).toEqual({ description, run: "r1" });
    expect(readModelDescription(undefined)).toEqual({ description: { sampling: { temperature: 0.8, topP: 0.9 } } });
  });

  it.each<[unknown, RegExp]>([
    [null, /expected format "mmgen-model" version 1, got undefined/],
    [{ format: "mmgen-model", version: 2 }, /version 2/],
    [{ format: "mmgen-model", version: 1 }, /sampling: expected an object/],
    [{ format: "mmgen-model", version: 1, sampling: { heat: 1 } }, /sampling\.heat/],
    [{ format: "mmgen-model", version: 1, sampling: {}, extra: 1 }, /extra/],
    [{ format: "mmgen-model", version: 1, run: 1, sampling: {} }, /run: expected/],
  ])("%j is refused", (json, message) => {
    expect(() => readModelDescription(bytes(json))).toThrow(CheckpointError);
    expect(() => readModelDescription(bytes(json))).toThrow(message);
  });
});
