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

  it("records kernel and sampler of the family diffusion, and no family of the other", () => {
    const kernel = { type: "maskgit" } as const;
    const sampler = { type: "confidence", rounds: 16, noise: 4.5, contextGuidance: 1.2 } as const;
    const description = { sampling: {}, diffusion: { kernel, sampler } };
    const file = modelDescriptionFile(description, "r1");
    expect(readModelDescription(file).description).toEqual(description);
    expect(JSON.parse(new TextDecoder().decode(file))).toMatchObject({ family: "diffusion", diffusion: { kernel } });
    expect(new TextDecoder().decode(modelDescriptionFile({ sampling: {} }, "r1"))).not.toContain("family");
  });

  it("reads samplers of models that were saved before there was guidance by context", () => {
    const sampler = { type: "ancestral", rounds: 8, schedule: "linear" };
    const saved = {
      ...{ format: "mmgen-model", version: 1, family: "diffusion", sampling: {} },
      diffusion: { kernel: { type: "absorbing" }, sampler },
    };
    const { diffusion } = readModelDescription(bytes(saved)).description;
    expect(diffusion!.sampler).toEqual({ ...sampler, contextGuidance: 1 });
  });

  const model = { format: "mmgen-model", version: 1, sampling: {}, family: "diffusion" };
  it.each<[unknown, RegExp]>([
    [model, /model\.json: family: expected "diffusion".* with settings of diffusion, got none.* damaged or edited/],
    [{ ...model, family: "autoregressive", diffusion: {} }, /without settings of diffusion, got some/],
    [{ ...model, family: "gan" }, /family: expected "autoregressive" or "diffusion", got "gan"/],
    [{ ...model, diffusion: 3 }, /diffusion: expected an object/],
    [
      { ...model, diffusion: { kernel: { type: "absorbing" } } },
      /diffusion\.sampler: expected a sampler, got undefined/,
    ],
    [{ ...model, diffusion: { kernel: { type: "magic" }, sampler: {} } }, /diffusion\.kernel\.type/],
    [{ ...model, diffusion: { kernel: {}, sampler: { type: "chain" } } }, /diffusion\.sampler: expected "ancestral"/],
    [{ ...model, diffusion: { kernel: {}, sampler: {} }, sampling: { minP: 0.5 } }, /sampling\.minP: only/],
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
